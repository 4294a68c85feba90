"""The lines for params.yaml that accept findings by name; each reason is left to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sluice.verdict import Finding

_PLAIN = re.compile(r"(?!.*www\.)[A-Za-z][\w/&=.()%+-]*( [\w/&=.()%+-]+)*")
# Of a name in quotes, what could end them, or come alive in Markdown or in a page.
_LIVE = re.compile(r"[^\w /&=.()%+,;!?'-]|(?<=www)\.")


def lines(findings: Iterable[Finding]) -> str:
    """YAML that is not valid until somebody has written the reasons."""
    items = [
        f"  - finding: {_name(finding.name)}\n    reason:  # why that will do, and who says so\n"
        for finding in findings
    ]
    return "accept:\n" + "".join(items)


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{_LIVE.sub(_escaped, name)}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08x}"
