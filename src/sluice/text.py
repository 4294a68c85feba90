"""Text from data, settings or other people, prepared for one line of a page."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Replace control and invisible characters, which can reorder or hide text, with spaces."""
    return "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)


def one_line(text: str) -> str:
    """Printable text without line breaks or runs of spaces."""
    return " ".join(printable(text).split())


def clip(text: str, most: int) -> str:
    """At most `most` characters; an ellipsis marks what was cut off."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
