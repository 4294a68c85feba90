"""params.yaml as one flat mapping: the path of each setting, and its value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from sluice.config import Settings, validate
from sluice.contribution.display import text
from sluice.errors import SluiceError

Path = tuple[str, ...]
Flat = dict[Path, Any]

_MOST_SETTINGS, _DEEPEST = 20_000, 20
# The size counts keys, list items and every hundred characters, as often as aliases repeat them.
_MOST_ITEMS = 200_000
# The exceptions that unusual tags, numbers and nesting cause in the validation.
_UNREADABLE = (
    SluiceError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


def flatten_both(base: Any, here: Any) -> tuple[Flat, Flat]:
    """Both versions as the pipeline reads them, or as written if either is not valid.

    The pipeline adds defaults and converts values: `true` becomes 1 where a number is expected.
    Raises SluiceError for a version that is too large.
    """
    as_written = _flat_within_limits(base), _flat_within_limits(here)
    try:
        read = [validate(side, "params.yaml") for side in (base, here)]
    except _UNREADABLE:  # the run itself refuses such settings
        return as_written
    # The limits were checked before; defaults add only a few settings.
    return _settings(read[0]), _settings(read[1])


def _settings(settings: Settings) -> Flat:
    """Replace the candidates by the number of parameter sets that are tried and compared."""
    flat = dict(_flat(settings.model_dump(exclude={"name", "candidates"})))
    tried = [min(c.budget, 1 + len(c.search)) for c in settings.candidates.values()]
    flat[("selection", "parameter sets tried")] = sum(tried)
    return flat


def _flat_within_limits(raw: Any) -> Flat:
    """Aliases to aliases can make a small file larger than memory, so count before flattening."""
    items, left = 0, [raw]
    while left:
        value = left.pop()
        inner = _inner(value)
        left += inner
        items += len(inner) + (len(value) // 100 if isinstance(value, (str, bytes)) else 0)
        if items > _MOST_ITEMS:
            raise SluiceError(
                f"params.yaml has more than {_MOST_ITEMS:,} items once its aliases are resolved, "
                "so it cannot be compared"
            )
    flat = dict(islice(_flat(raw), _MOST_SETTINGS + 1))
    if len(flat) > _MOST_SETTINGS:
        raise SluiceError(
            f"params.yaml has more than {_MOST_SETTINGS:,} settings, so it cannot be compared"
        )
    return flat


def _inner(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


def _flat(value: Any, path: Path = ()) -> Iterable[tuple[Path, Any]]:
    """A null counts as a setting that does not exist."""
    if isinstance(value, Mapping) and len(path) < _DEEPEST:
        for name, inner in value.items():
            yield from _flat(inner, (*path, str(name)))
        # Without groups or bands, each value of a sensitive column is a group.
        if path[:2] == ("data", "sensitive") and len(path) == 3 and not any(value.values()):
            yield path, {}
    elif isinstance(value, list) and path == ("accept",):
        for item in value:
            finding = item.get("finding") if isinstance(item, Mapping) else item
            reason = item.get("reason", "") if isinstance(item, Mapping) else ""
            yield ("accept", str(text(finding))), "" if reason is None else reason
    elif path and value is not None:
        yield path, value
