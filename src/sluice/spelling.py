"""Find texts that differ only in spaces, case or encoding, which people easily overlook."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Iterable

Step = Callable[[str], str]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _visible(text: str) -> str:
    """Return the text without zero-width and control characters; a tab counts as a space."""
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc"))


def _spaced(text: str) -> str:
    """Return the text without spaces at its ends, with each other run of spaces as one space."""
    return " ".join(text.split())


_STEPS: dict[str, Step] = {
    "by an invisible character": _visible,
    "in how accented characters are encoded (Unicode NFC or NFD)": _composed,
    "in spaces": _spaced,
    "in upper and lower case": str.casefold,
}


def fold(text: str) -> str:
    """Return a key that is equal for texts that differ only in these ways."""
    return _apply(text, _STEPS.values())


def difference(one: str, other: str) -> str:
    """Say how two texts differ; empty if they differ in other ways than these."""
    if one == other or fold(one) != fold(other):
        return ""
    needed = []
    for words, step in _STEPS.items():
        others = [s for s in _STEPS.values() if s is not step]
        if _apply(one, others) != _apply(other, others):
            needed.append(words)
    return " and ".join(needed) or "in characters that look alike"


def described(text: str, known: Iterable[str]) -> str:
    """Return a text in quotes, followed by the known text that it nearly equals, if any."""
    for other in known:
        if how := difference(text, other):
            return f"{text!r} (it differs from {other!r} only {how})"
    return repr(text)


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return a question such as "did you mean 'age'?"; empty if no known text is similar."""
    names = list(known)
    for other in names:
        if how := difference(text, other):
            return f"did you mean {other!r}? It differs only {how}"
    close = difflib.get_close_matches(text, names, n=1, cutoff=0.7)
    return f"did you mean {close[0]!r}?" if close else ""


def _apply(text: str, steps: Iterable[Step]) -> str:
    for step in steps:
        text = step(text)
    return text
