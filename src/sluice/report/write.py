"""Write the report, whatever state the project is in."""

from __future__ import annotations

from pathlib import Path

from sluice import files
from sluice.contribution.compare import Contribution
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.report import facts as known
from sluice.report import html, markdown
from sluice.report.facts import Facts
from sluice.verdict import Verdict


def write(
    project: Project,
    verdicts: list[Verdict],
    *,
    base: Path | None = None,
    trouble: str | None = None,
    stale_lock: bool = False,
    contribution: Contribution | None = None,
    folder: Path | None = None,
) -> Facts:
    """Write report.md, report.html and report.json, and return what they say.

    `base` is an earlier report.json to compare with. If it is not one, the report is
    written without the comparison, and then SluiceError is raised.
    """
    facts = known.gather(
        project, verdicts, trouble=trouble, stale_lock=stale_lock, contribution=contribution
    )
    target = folder or project.report
    try:
        earlier = known.read(base) if base else None
    except SluiceError:
        _write(target, facts, None)
        raise
    _write(target, facts, earlier)
    return facts


def _write(folder: Path, facts: Facts, base: Facts | None) -> None:
    forms = {
        "report.json": known.encode(facts),
        "report.md": markdown.render(facts, base).encode(),
        "report.html": html.render(facts, base).encode(),
    }
    for name, content in forms.items():
        files.write(folder / name, content)
