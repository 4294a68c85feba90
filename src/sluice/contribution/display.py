"""Settings and their values as short texts that look different where the values differ."""

from __future__ import annotations

from itertools import takewhile
from reprlib import Repr
from typing import Any

from sluice.markdown import EMPTY

# The comment on a pull request cuts texts at 80 characters.
_WIDEST, _WIDEST_KEY, _MOST_LISTED, _WIDEST_ITEM = 72, 200, 12, 20
_SHORT = Repr()
_SHORT.maxlist = _SHORT.maxdict = _MOST_LISTED
_SHORT.maxstring = _SHORT.maxother = 200


def key(path: tuple[str, ...]) -> str:
    """The name of a setting, such as `performance.bounds.recall.low`."""
    name = _valid_utf8(": ".join(path) if path[0] == "accept" else ".".join(path))
    return _cut(name, _WIDEST_KEY)


def difference(before: Any, after: Any) -> tuple[str, str]:
    """Both values, each in at most 72 characters, and as different texts."""
    if isinstance(before, list) and isinstance(after, list):
        texts = text(before), text(after)
        if max(map(len, texts)) > _WIDEST or max(len(before), len(after)) > _MOST_LISTED:
            return f"{len(before):,} items", _of_lists(before, after)
    texts = _valid_utf8(text(before)), _valid_utf8(text(after))
    short = _cut(texts[0]), _cut(texts[1])
    if _as_seen(short[0]) != _as_seen(short[1]):
        return short
    texts = ascii(before), ascii(after)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(0, alike - 10)
    mark = "…" if start else ""
    short = _cut(f"{mark}{texts[0][start:]}"), _cut(f"{mark}{texts[1][start:]}")
    return short if short[0] != short[1] else (short[0], "another value that looks the same")


def text(value: Any) -> str:
    """A value as it is written in params.yaml; a dash for none."""
    if value is None:
        return EMPTY
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list) and all(isinstance(v, (str, int, float)) for v in value):
        return f"[{', '.join(map(_item, value))}]"
    return repr(value) if isinstance(value, (int, float)) else _SHORT.repr(value)


def _of_lists(before: list[Any], after: list[Any]) -> str:
    """The items that were added and removed, as many as fit."""
    was, now = dict.fromkeys(map(_item, before)), dict.fromkeys(map(_item, after))
    parts = [f"+{one[:_WIDEST_ITEM]}" for one in now if one not in was]
    parts += [f"−{one[:_WIDEST_ITEM]}" for one in was if one not in now]
    if not parts:
        return f"{len(after):,} items in another order"
    shown = ""
    for place, part in enumerate(parts):
        more = f" and {len(parts) - place:,} more"
        if len(shown) + len(part) + len(more) > _WIDEST:
            return shown + more
        shown += f" {part}" if shown else part
    return shown


def _item(value: Any) -> str:
    """An item of a list, in which '1' and 1 differ."""
    return ascii(value) if isinstance(value, str) else text(value)


def _valid_utf8(text: str) -> str:
    """YAML can contain half of a surrogate pair, which UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, most: int = _WIDEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _as_seen(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
