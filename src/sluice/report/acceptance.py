"""The lines for params.yaml that accept findings by name. A person has to add the reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sluice.verdict import Finding

_PLAIN = re.compile(r"(?!.*www\.)[A-Za-z][\w/&=.()%+-]*( [\w/&=.()%+-]+)*")
# Characters in a name that could end its quotes, or be active in Markdown or HTML.
_ACTIVE = re.compile(r"[^\w /&=.()%+,;!?'-]|(?<=www)\.")


def lines(findings: Iterable[Finding]) -> str:
    """YAML that `params.yaml` accepts once the reasons are written. Safe in Markdown and HTML."""
    items = [
        f"  - finding: {_name(finding.name)}\n"
        "    reason:  # why this is acceptable, and who decided it\n"
        for finding in findings
    ]
    return "accept:\n" + "".join(items)


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else f'"{_ACTIVE.sub(_escaped, name)}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08x}"
