"""Escape untrusted text for GitHub's Markdown: GitHub displays it and does not act on it."""

from __future__ import annotations

import re

from sluice.text import clip, one_line

EMPTY = "\u2013"

_SYNTAX = re.compile(r"[&<>|\\`*\[\]~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# GitHub looks for mentions, issues and addresses after decoding entities.
_LINKED = re.compile(r"@|&#35;(?=\d)|:(?=//)|www(?=\.)|GH(?=-\d)")


def escape(text: str, most: int = 300) -> str:
    """At most `most` characters of `text` as one line, without any active Markdown.

    The result is safe inside a line, a table cell or a list item, but not at the start of a
    line: there a number or a hyphen would start a list.
    """
    line = _SYNTAX.sub(lambda found: f"&#{ord(found[0])};", clip(one_line(text), most))
    return _LINKED.sub("\\g<0>\u200b", line) or EMPTY
