"""What a person has changed in a params.yaml that `sluice adopt` wrote, and how to keep it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.adopt.profile import ColumnUse

Path = tuple[str, ...]
_WIDEST = 2**31


@dataclass(frozen=True)
class Edit:
    """A setting that differs from the adopted one; `removed` if it is no longer there."""

    path: Path
    value: Any
    removed: bool = False


def edits(adopted: Any, written: Any) -> list[Edit]:
    """Return how `written` differs from `adopted`, two documents of params.yaml.

    A list counts as one value.
    """
    before, after = dict(_leaves(adopted)), dict(_leaves(written))
    changed = [
        Edit(path, value)
        for path, value in after.items()
        if path not in before or not _same(before[path], value)
    ]
    removed = [Edit(path, None, removed=True) for path in before if not _covered(path, after)]
    # Removals come first, because another value may take the same place.
    return [*removed, *changed]


def apply(text: str, kept: list[Edit]) -> str:
    """Return a params.yaml with these settings; its comments are kept."""
    from ruamel.yaml import YAML

    yaml = YAML(pure=True)
    yaml.width = _WIDEST
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    for edit in kept:
        _apply(document, edit)
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def uses(kept: list[Edit], written: Any) -> dict[str, ColumnUse]:
    """Return the use of each column whose use a person has changed."""
    changed = {
        edit.path[1] for edit in kept if edit.path[0] == "columns" and "use" in edit.path[2:]
    }
    columns = written.get("columns", {})
    return {name: columns[name].get("use", "feature") for name in changed if name in columns}


def _apply(document: Any, edit: Edit) -> None:
    *above, last = edit.path
    for key in above:
        if not isinstance(document.get(key), Mapping):
            if edit.removed:
                return
            document[key] = {}
        document = document[key]
    if edit.removed:
        document.pop(last, None)
    # An empty value means one group for each value, which the adoption may have derived as well.
    elif edit.value != {} or last not in document:
        document[last] = edit.value


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def _covered(path: Path, leaves: Mapping[Path, Any]) -> bool:
    """Whether a path is still there, as a value or as a section."""
    return any(other[: len(path)] == path for other in leaves)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
