"""Let a package take over the traffic of production, and judge canaries."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import (
    INTERRUPTED,
    REFUSED,
    UNDECIDED,
    Commands,
    one_line,
    project,
    say,
    show,
    show_result,
)

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
    _add_rehearse(rollout)


def _add_rehearse(rollout: Commands) -> None:
    meaning = (
        "try the whole rollout of a package on this machine, under generated load: canary, "
        "promotion, switch; it takes up to three minutes"
    )
    rehearse = rollout.add("rehearse", _rehearse, meaning)
    rehearse.add_argument("package", type=Path, help="the candidate's package file")
    champion = "the champion's package file; without it, the candidate takes over from itself"
    rehearse.add_argument("--champion", type=Path, metavar="PACKAGE", help=champion)
    fault = (
        "plant a fault, which must end with all traffic on the champion: errors=3x, slow, kill, "
        "hung, disk-full, thin, skewed, drifting-base or bad-scores"
    )
    rehearse.add_argument("--fault", metavar="NAME", help=fault)
    out = Path("out/rollout")
    rehearse.add_argument("--out", type=Path, default=out, metavar="FOLDER", help=f"default: {out}")
    rehearse.add_argument("--json", action="store_true", help="print the report as JSON")


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


def _rehearse(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.rollout.rehearsal import report, run
    from sluice.verdict import Status

    def progress(line: str) -> None:
        print(one_line(line), file=sys.stderr, flush=True)

    try:
        outcome = run.rehearse(options.package, options.champion, options.fault, progress)
    except KeyboardInterrupt:
        return say("interrupted: the rehearsal has no result, and nothing of it runs", INTERRUPTED)
    report.write(options.out, outcome)
    if options.json:
        print(files.encode_record(outcome).decode(), end="")
    else:
        show(report.headline(outcome))
        for right, what in report.checks(outcome):
            show(f"  {'ok' if right else 'not ok':<7} {what}")
        show(f"report: {options.out / 'report.html'}")
    if outcome.as_expected:
        return 0
    return UNDECIDED if outcome.verdict is Status.INSUFFICIENT else REFUSED


def _settings(package: Path | None) -> Rollout:
    from sluice.package.archive import opened

    if package is None:
        return project().settings.rollout
    with opened(package) as unpacked:
        return unpacked.settings.rollout
