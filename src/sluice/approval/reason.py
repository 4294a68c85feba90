"""The reason for a rollback, which is recorded in the notes of the releases."""

from __future__ import annotations

import unicodedata

from sluice.approval.production import finding
from sluice.errors import SluiceError
from sluice.text import one_line
from sluice.verdict import Finding

SHORTEST, LONGEST, LETTERS = 10, 500, 5


def judge(reason: str) -> Finding:
    """A finding on whether other people can read the reason later."""
    text = one_line(reason)
    problems = []
    if not SHORTEST <= len(text) <= LONGEST:
        problems = [f"the reason has {len(text)} characters: write one of {SHORTEST} to {LONGEST}"]
    elif sum(map(_is_letter, text)) < LETTERS:
        problems = [f"the reason has fewer than {LETTERS} letters: write it in words"]
    return finding("reason", problems, "a reason is given")


def require(reason: str) -> None:
    """Raise SluiceError for a reason that is not in words."""
    judged = judge(reason)
    if not judged.passes:
        raise SluiceError(judged.why)


def _is_letter(character: str) -> bool:
    """Whether the character is a visible letter: Unicode counts some blank fillers as letters."""
    return character.isalpha() and "FILLER" not in unicodedata.name(character, "")
