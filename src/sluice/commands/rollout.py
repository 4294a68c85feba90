"""Let a package take over production traffic, and judge canaries."""

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
from sluice.commands import canary as cluster
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.config import Rollout
    from sluice.rollout.state import State

_FOLDER = "rollout"
_LONGEST = 86_400.0


def add(commands: Commands) -> None:
    rollout = commands.group("rollout", "let a package take over production traffic")
    meaning = "judge a canary from its counts; exit status 0: promote it, 1: roll it back, 3: wait"
    judge = rollout.add("judge", _judge, meaning)
    counts = "JSON: what canary, baseline and stable counted in each interval; see docs/rollout.md"
    judge.add_argument("counts", type=Path, metavar="COUNTS", help=counts)
    package = "use the settings of this package; default: those of params.yaml here"
    judge.add_argument("--package", type=Path, metavar="FILE", help=package)
    judge.add_argument("--json", action="store_true", help="print the verdict as JSON")
    _add_rehearse(rollout)
    _add_machine(rollout)
    cluster.add(rollout)
    cluster.add_start(rollout)


def _add_rehearse(rollout: Commands) -> None:
    meaning = (
        "rehearse the rollout of a package on this machine, under generated load: canary, "
        "promotion, switch; takes up to three minutes"
    )
    rehearse = rollout.add("rehearse", _rehearse, meaning)
    rehearse.add_argument("package", type=Path, help="the candidate's package file")
    champion = (
        "the champion's package file, or the folder of 'sluice champion fetch'; default: the "
        "candidate itself"
    )
    rehearse.add_argument("--champion", type=Path, metavar="PACKAGE", help=champion)
    fault = (
        "inject a fault, after which the champion must have all traffic: errors=3x, slow, kill, "
        "hung, disk-full, thin, skewed, drifting-base, bad-scores or unreadable"
    )
    rehearse.add_argument("--fault", metavar="NAME", help=fault)
    out = Path("out/rollout")
    rehearse.add_argument(
        "--out",
        type=Path,
        default=out,
        metavar="FOLDER",
        help=f"folder of the report; default: {out}",
    )
    rehearse.add_argument("--json", action="store_true", help="print the report as JSON")


def _add_machine(rollout: Commands) -> None:
    """The commands for production on this machine."""
    meaning = (
        "let a package take over production on this machine: canary, promotion, switch; the first "
        "package starts production; an interrupted rollout continues where it stopped"
    )
    deploy = rollout.add("deploy", _deploy, meaning)
    deploy.add_argument("package", type=Path, help="the package file to roll out")
    port = "port for callers, used by the first package (default: 8080)"
    deploy.add_argument("--port", type=_port, default=8080, metavar="N", help=port)
    meaning = (
        "roll out each new full release of a repository on this machine, after verifying its "
        "attestations, until the process is stopped"
    )
    follow = rollout.add("follow", _follow, meaning)
    follow.add_argument("repository", metavar="OWNER/NAME", help="the repository on GitHub")
    follow.add_argument("--port", type=_port, default=8080, metavar="N", help=port)
    often = "seconds between two requests to GitHub (default: 60)"
    follow.add_argument("--every", type=_seconds, default=60.0, metavar="SECONDS", help=often)
    meaning = (
        "show which version serves which share of the requests on this machine, and since when"
    )
    status = rollout.add("status", _status, meaning)
    meaning = "send all requests back to the champion at once, and end the rollout"
    abort = rollout.add("abort", _abort, meaning)
    meaning = "let the previous champion take over again, without a build"
    back = rollout.add("back", _back, meaning)
    approve = rollout.add("approve", _approve, "promote a canary that has passed")
    folder = f"the folder with the state of production on this machine (default: {_FOLDER})"
    for command in (deploy, follow, status, abort, back, approve):
        command.add_argument(
            "--folder", type=Path, default=Path(_FOLDER), metavar="FOLDER", help=folder
        )
        command.add_argument("--json", action="store_true", help="print the result as JSON")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        raise argparse.ArgumentTypeError(
            f"{text} is not a port: expected 0 to 65535 (0: a free one)"
        )
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < _LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not a duration: expected seconds above 0")
    return number


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
    from sluice.champion import folder
    from sluice.rollout.rehearsal import report, run
    from sluice.verdict import Status

    found = folder.read(options.champion) if options.champion else None
    champion = found.package if found else None

    def progress(line: str) -> None:
        print(one_line(line), file=sys.stderr, flush=True)

    try:
        outcome = run.rehearse(options.package, champion, options.fault, progress)
    except KeyboardInterrupt:
        return say(
            "interrupted: the rehearsal has no result, and all its processes were stopped",
            INTERRUPTED,
        )
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


def _token() -> str:
    from sluice.serve.settings import ServerSettings
    from sluice.serve.supervisor import read_token

    token = read_token(ServerSettings())
    if token is None:
        raise SluiceError("set SLUICE_TOKEN, the bearer token that callers must send")
    return token


def _follow(options: argparse.Namespace) -> int:
    from sluice.rollout.machine.follow import Follow

    where = (options.repository, options.folder, options.port, _token(), options.every)
    try:
        Follow(*where, show, _progress).run()
    except KeyboardInterrupt:
        return say("stopped following; the servers keep running", INTERRUPTED)
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from sluice.rollout.machine import deploy

    token = _token()
    try:
        last = deploy.deploy(options.folder, options.package, options.port, token, _progress)
    except KeyboardInterrupt:
        return say("interrupted: run it again to continue this rollout", INTERRUPTED)
    return _ended(options, last)


def _status(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from sluice import files
    from sluice.rollout.machine import status

    found = status.read(options.folder)
    if options.json:
        print(files.encode_record(found).decode(), end="")
        return 0
    show(f"champion: {found.champion}")
    show(f"rollout of {found.candidate}: {found.phase} ({found.verdict}): {found.why}")
    since = (
        datetime.fromtimestamp(found.since, UTC).isoformat(" ", "seconds") if found.since else "?"
    )
    show(f"weights since {since}{'' if found.confirmed else ', not confirmed by the proxy'}:")
    for arm in found.arms:
        show(
            f"  {arm.arm:<9}{arm.weight:>4} %  {arm.version}{'' if arm.runs else '  does not run'}"
        )
    if found.proxy is not None:
        show(f"proxy: {'runs' if found.proxy else 'does not run'}")
    return 0


def _abort(options: argparse.Namespace) -> int:
    from sluice.rollout.machine import deploy

    deploy.abort(options.folder)
    return _status(options)


def _back(options: argparse.Namespace) -> int:
    from sluice.rollout.machine import deploy

    deploy.back(options.folder, _progress)
    return _status(options)


def _approve(options: argparse.Namespace) -> int:
    from sluice.rollout import state
    from sluice.rollout.state import Phase

    known = state.read(options.folder)
    if known is None or known.phase is not Phase.PASSED:
        raise SluiceError(f"{options.folder}: no canary has passed: see sluice rollout status")
    (options.folder / state.APPROVAL).touch()
    return _status(options)


def _progress(now: State) -> None:
    """One line for each look at the counters."""
    seen = f"{len(now.intervals)} intervals"
    print(one_line(f"{now.phase}: {now.weights}; {seen}; {now.why}"), file=sys.stderr, flush=True)


def _ended(options: argparse.Namespace, last: State) -> int:
    from sluice.rollout.state import Phase
    from sluice.verdict import Status

    _status(options)
    if last.phase is Phase.PROMOTED:
        return 0
    return UNDECIDED if last.verdict is Status.INSUFFICIENT else REFUSED


def _settings(package: Path | None) -> Rollout:
    from sluice.package.archive import opened

    if package is None:
        return project().settings.rollout
    with opened(package) as unpacked:
        return unpacked.settings.rollout
