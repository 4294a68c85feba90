"""Judge a canary from the counts of its requests."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import REFUSED, UNDECIDED, Commands, project, show_result

if TYPE_CHECKING:
    from sluice.config import Rollout


def add(commands: Commands) -> None:
    rollout = commands.group("rollout", "let a package take over the traffic of production")
    meaning = "judge a canary from its counts; exit status 0: promote it, 1: roll it back, 3: wait"
    judge = rollout.add("judge", _judge, meaning)
    counts = "JSON: what canary, baseline and stable counted in each interval; see docs/rollout.md"
    judge.add_argument("counts", type=Path, metavar="COUNTS", help=counts)
    package = "take the settings of this package; without it, those of params.yaml here"
    judge.add_argument("--package", type=Path, metavar="FILE", help=package)
    judge.add_argument("--json", action="store_true", help="print the verdict as JSON")


def _judge(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.rollout import counts, judge
    from sluice.verdict import Status

    verdict = judge.judge(counts.read(options.counts), _settings(options.package))
    if options.json:
        print(files.encode_record(verdict).decode(), end="")
    else:
        for finding in verdict.findings:
            show_result(finding.name, finding.status, finding.why)
        show_result(verdict.gate, verdict.status, verdict.why)
    return {Status.PASS: 0, Status.FAIL: REFUSED, Status.INSUFFICIENT: UNDECIDED}[verdict.status]


def _settings(package: Path | None) -> Rollout:
    from sluice.package.archive import opened

    if package is None:
        return project().settings.rollout
    with opened(package) as unpacked:
        return unpacked.settings.rollout
