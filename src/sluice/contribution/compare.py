"""What a contribution changes of how it is judged: settings that gate, and files that decide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice, takewhile
from reprlib import Repr
from typing import Any, Literal

import msgspec

from sluice.config import validate
from sluice.errors import SluiceError

_MOST, _DEEPEST = 20_000, 20
# Keys, items of lists and every hundred characters included, once aliases are written out.
_MOST_SAID = 200_000
# The comment on a pull request cuts at 80 characters.
_WIDEST, _WIDEST_KEY, _LISTED = 72, 200, 12
_SHORT = Repr()
_SHORT.maxlist = _SHORT.maxdict = _LISTED
_SHORT.maxstring = _SHORT.maxother = 200

Kind = Literal["looser", "changed", "tighter"]
Path = tuple[str, ...]
_ORDER: tuple[Kind, ...] = ("looser", "changed", "tighter")

# Everything in params.yaml but who competes: that is what a contribution is for.
_FREE = {"name", "candidates"}
# Which way a number of this name lets more through.
_UP = {
    "high", "tolerance", "leakage", "duplicates", "missing", "largest_share", "under_champion",
}  # fmt: skip
_DOWN = {
    "low", "rows", "class_share", "group_rows", "over_baselines", "resamples", "confidence",
    "holdout", "seconds", "connections",
}  # fmt: skip
# Without these nothing is asked, so one that is new asks more.
_ENDS = {"low", "high", "class_share", "values"}
# Of a column, what its values are held to; the rest is what the model makes of it.
_HELD = {"low", "high", "values", "missing"}
# The fewer of these, the less gets through.
_ALLOWED = {"values", "sensitive_inputs"}
# Below these, what is not known to gate more is taken to gate less.
_GATING = {
    ("quality",), ("performance",), ("fairness",), ("parity",), ("explanation",), ("load",),
    ("champion",), ("columns",), ("data", "sensitive"), ("data", "sensitive_inputs"),
    ("split", "holdout"),
}  # fmt: skip
# What odd tags, numbers and nesting make validating raise.
_ODD = (
    SluiceError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip

# All the rest decides what the gates see, or whether they run. CODEOWNERS frees the same.
INSIDE = "/src/usecase/"
FREE = (INSIDE, "/tests/usecase/", "/docs/", "/README.md", "/dvc.lock")


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting, as it is on the base branch and as it would be; a dash where it is not there."""

    key: str
    before: str
    after: str
    kind: Kind


class Contribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`against` is the base branch. `settings` has what loosens first.

    `files` decide how it is judged. Those `inside` run in the gates, and nobody need own them.
    """

    against: str
    settings: tuple[Changed, ...] = ()
    files: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    @property
    def predicted(self) -> tuple[Changed, ...]:
        """What makes it predict something else, so that no bound compares with the base's."""
        return tuple(one for one in self.settings if one.key in ("task", "data.target"))

    @property
    def looser(self) -> int:
        return sum(one.kind == "looser" for one in self.settings)


def compare(against: str, base: Any, here: Any, paths: Iterable[str]) -> Contribution:
    """Hold the params.yaml of two sides, as plain data, and the paths that differ against rules."""
    before, after = _sides(base, here)
    columns = {path[:2] for path in before} & {path[:2] for path in after}
    changed = [
        Changed(
            _key(path),
            *_shown(before.get(path), after.get(path)),
            _kind(path, before, after, columns),
        )
        for path in dict.fromkeys([*before, *after])
        if path[0] not in _FREE and not _same(before.get(path), after.get(path))
    ]
    changed.sort(key=lambda one: _ORDER.index(one.kind))
    # Of params.yaml the settings say more, and who competes is free.
    free = FREE if changed else (*FREE, "/params.yaml")
    touched = sorted(set(paths))
    files = tuple(path for path in touched if not _within(path, free))
    inside = tuple(path for path in touched if _within(path, (INSIDE,)))
    return Contribution(against, tuple(changed), files, inside)


def _within(path: str, places: tuple[str, ...]) -> bool:
    """In one of the folders, which end with a slash, or one of the files, by its whole name."""
    rooted = f"/{path}"
    return rooted in places or rooted.startswith(tuple(p for p in places if p.endswith("/")))


def _sides(base: Any, here: Any) -> tuple[dict[Path, Any], dict[Path, Any]]:
    """As the run would read them where it can read both: with defaults, a `true` as the 1 it is."""
    raw = _settings(base), _settings(here)
    try:
        read = [
            validate(side, "params.yaml").model_dump(exclude={"name", "candidates"})
            for side in (base, here)
        ]
    except _ODD:  # one that does not read is refused by the run itself
        return raw
    # Defaults make it longer than what was bounded, but not by much.
    return dict(_flat(read[0])), dict(_flat(read[1]))


def _settings(raw: Any) -> dict[Path, Any]:
    """A file of aliases to aliases can say more than fits into memory."""
    said, left = 0, [raw]
    while left:
        value = left.pop()
        inner = _inner(value)
        left += inner
        said += len(inner) + (len(value) // 100 if isinstance(value, (str, bytes)) else 0)
        if said > _MOST_SAID:
            raise SluiceError(f"params.yaml says more than {_MOST_SAID:,} things: too much to hold")
    flat = dict(islice(_flat(raw), _MOST + 1))
    if len(flat) > _MOST:
        raise SluiceError(f"params.yaml: more than {_MOST:,} settings, so it cannot be compared")
    return flat


def _inner(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


def _flat(value: Any, path: Path = ()) -> Iterable[tuple[Path, Any]]:
    """None is a setting that is not there."""
    if isinstance(value, Mapping) and len(path) < _DEEPEST:
        for name, inner in value.items():
            yield from _flat(inner, (*path, str(name)))
        # A sensitive column of which nothing is said falls into groups by its values.
        if path[:2] == ("data", "sensitive") and len(path) == 3 and not any(value.values()):
            yield path, {}
    elif isinstance(value, list) and path == ("accept",):
        for item in value:
            named = item.get("finding") if isinstance(item, Mapping) else item
            reason = item.get("reason", "") if isinstance(item, Mapping) else ""
            yield ("accept", str(_text(named))), "" if reason is None else reason
    elif path and value is not None:
        yield path, value


def _same(before: Any, after: Any) -> bool:
    """Two numbers by value; True is no 1, and nothing is a text. Never by how they are shown."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if _numbers(before, after):
        return bool(before == after) or str(before) == str(after) == "nan"
    return type(before) is type(after) and bool(before == after)


def _kind(path: Path, before: dict[Path, Any], after: dict[Path, Any], columns: set[Path]) -> Kind:
    gone, new = path not in after, path not in before
    if path[0] == "accept":
        return "tighter" if gone else "looser"
    if not before or not (_GATING & {path[:1], path[:2]}):
        return "changed"
    if path[0] == "columns" and (path[:2] not in columns or path[-1] not in _HELD):
        return "changed"
    if path[:2] == ("data", "sensitive"):
        return _of_groups(path, before.get(path), after.get(path))
    if gone or new:
        return "tighter" if new and path[-1] in _ENDS and _bounds(after[path]) else "looser"
    return _direction(path[-1], before[path], after[path])


def _bounds(value: Any) -> bool:
    return _number(value) is not None or (isinstance(value, list) and bool(value))


def _of_groups(path: Path, before: Any, after: Any) -> Kind:
    """More groups are judged apart only where each cut is still there."""
    if before is None:
        return "changed"
    if path[-1] == "bands" and isinstance(before, list) and isinstance(after, list):
        return "changed" if _fewer(before, after) else "looser"
    return "looser"


def _direction(name: str, before: Any, after: Any) -> Kind:
    if name in _ALLOWED and isinstance(before, list) and isinstance(after, list):
        # That nothing at all is allowed may well be read as that all is.
        fewer = _fewer(after, before) and (bool(after) or name != "values")
        return "tighter" if fewer else "looser"
    was, now = _number(before), _number(after)
    if was is None or now is None or was == now or name not in _UP | _DOWN:
        return "looser"
    return "looser" if (now > was) == (name in _UP) else "tighter"


def _fewer(some: list[Any], more: list[Any]) -> bool:
    plain = all(isinstance(one, (str, int, float)) for one in (*some, *more))
    return plain and set(map(_item, some)) < set(map(_item, more))


def _item(value: Any) -> object:
    return value if _numbers(value) else (type(value).__name__, value)


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _number(value: Any) -> int | float | None:
    """As settings are read: a `true` and a number in quotes are numbers, too."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    known = isinstance(value, (int, float)) and -math.inf < value < math.inf
    return value if known else None


def _key(path: Path) -> str:
    key = _plain(": ".join(path) if path[0] == "accept" else ".".join(path))
    return key if len(key) <= _WIDEST_KEY else f"{key[: _WIDEST_KEY - 1]}…"


def _shown(before: Any, after: Any) -> tuple[str, str]:
    """What differs must be seen to differ, in few words."""
    if isinstance(before, list) and isinstance(after, list):
        texts = _text(before), _text(after)
        if max(map(len, texts)) > _WIDEST or max(len(before), len(after)) > _LISTED:
            return f"{len(before):,} items", _difference(before, after)
    texts = _plain(_text(before)), _plain(_text(after))
    short = _cut(texts[0]), _cut(texts[1])
    if _seen(short[0]) != _seen(short[1]):
        return short
    texts = ascii(before), ascii(after)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(0, alike - 10)
    mark = "…" if start else ""
    short = _cut(f"{mark}{texts[0][start:]}"), _cut(f"{mark}{texts[1][start:]}")
    return short if short[0] != short[1] else (short[0], "something else of the same look")


def _difference(before: list[Any], after: list[Any]) -> str:
    was, now = dict.fromkeys(map(_word, before)), dict.fromkeys(map(_word, after))
    parts = [f"+{one[:20]}" for one in now if one not in was]
    parts += [f"−{one[:20]}" for one in was if one not in now]
    if not parts:
        return f"{len(after):,} items, arranged otherwise"
    said = ""
    for place, part in enumerate(parts):
        more = f" and {len(parts) - place:,} more"
        if len(said) + len(part) + len(more) > _WIDEST:
            return said + more
        said += f" {part}" if said else part
    return said


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list) and all(isinstance(v, (str, int, float)) for v in value):
        return f"[{', '.join(map(_word, value))}]"
    return repr(value) if isinstance(value, (int, float)) else _SHORT.repr(value)


def _word(value: Any) -> str:
    """In a list, '1' and 1 are two things."""
    return ascii(value) if isinstance(value, str) else _text(value)


def _plain(text: str) -> str:
    """A report cannot hold half of a pair of surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _seen(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
