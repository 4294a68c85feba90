"""Ask for the approval of a release or a rollback, and carry it out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import REFUSED, REPOSITORY, VERSION, Commands, say, show, show_result

if TYPE_CHECKING:
    from sluice.approval.approved import Approved


def add(commands: Commands) -> None:
    approval = commands.group(
        "approval", "release a delivered version after an approval, or roll back"
    )
    meaning = "check everything before the approval, and write the page to approve"
    preflight = approval.add("preflight", _preflight, meaning)
    meaning = "after the approval of the canary: record what is to run, for the rollout"
    desire = approval.add("desire", _desire, meaning)
    meaning = "ask the production server to try the canary that 'sluice approval desire' recorded"
    announce = approval.add("announce", _announce, meaning)
    meaning = "after the approval: check everything again, and record who approved what"
    confirm = approval.add("confirm", _confirm, meaning)
    meaning = "after the approval: make the pre-release the champion"
    release = approval.add("release", _release, meaning)
    meaning = "after the approval of a rollback: record which releases no longer count"
    revoke = approval.add("revoke", _revoke, meaning)
    meaning = "after the approval: make an earlier release the champion again"
    rollback = approval.add("rollback", _rollback, meaning)

    for action in (preflight, desire, announce, confirm, release, revoke):
        out = Path("out/approval")
        action.add_argument(
            "--out",
            type=Path,
            default=out,
            metavar="FOLDER",
            help=f"the folder of the page and the records; default: {out}",
        )
    for action in (preflight, desire, confirm, release, revoke, rollback):
        action.add_argument("version", help=VERSION)
    for action in (preflight, desire, announce, confirm, release, revoke, rollback):
        action.add_argument("--repo", metavar="OWNER/NAME", help=REPOSITORY)
    for action in (preflight, confirm, release):
        deployment = "the deployment of a canary on which a server has reported; may be empty"
        action.add_argument("--deployment", type=_number, metavar="ID", help=deployment)
    for action in (desire, confirm, release, revoke, rollback):
        digest = "the sha256 of delivery.json on the approved page"
        action.add_argument("--approved", required=True, metavar="DIGEST", help=digest)
        champion = "the champion on the approved page, or 'none'"
        action.add_argument("--champion", required=True, metavar="TAG", help=champion)
    outputs = "append to this file what later jobs need, as outputs of a workflow step"
    for action in (preflight, desire):
        action.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    for action in (preflight, confirm):
        action.add_argument("--reason", help="for a rollback: why production must be rolled back")
    for action in (revoke, rollback):
        action.add_argument("--reason", required=True, help="why production must be rolled back")


def _preflight(options: argparse.Namespace) -> int:
    from sluice.approval import preflight

    given = (options.repo, options.version, options.reason, options.out)
    verdict = preflight.run(
        *given, deployment=options.deployment, outputs=options.outputs, say=show
    )
    for finding in verdict.findings:
        show_result(finding.name, finding.status, finding.why)
    if verdict.passes:
        print(f"page to approve: {options.out / preflight.PAGE}")
        return 0
    return say(f"refused: {verdict.why}", REFUSED)


def _approved(options: argparse.Namespace) -> Approved:
    from sluice.approval.approved import Approved

    deployment = getattr(options, "deployment", None)
    return Approved(options.approved, options.champion, deployment)


def _number(text: str) -> int | None:
    return int(text) if text else None


def _desire(options: argparse.Namespace) -> int:
    from sluice.approval import desired, records

    record = options.out / records.DESIRED
    server = desired.run(options.repo, options.version, _approved(options), record, show)
    if options.outputs:
        with options.outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"server={server or 'none'}\n")
    return 0


def _announce(options: argparse.Namespace) -> int:
    from sluice.approval import canary, production, records

    record = options.out / records.DESIRED
    server = canary.announce(options.repo, record, production.run_id())
    if server:
        show(f"{server} was asked to try the canary; this release continues after its report")
    else:
        show("there is no server or no champion for a real canary, so the rollout is rehearsed")
    return 0


def _confirm(options: argparse.Namespace) -> int:
    from sluice.approval import approved, records

    given = (options.repo, options.version, _approved(options), options.out / records.APPROVAL)
    approved.confirm(*given, say=show, why=options.reason)
    return 0


def _release(options: argparse.Namespace) -> int:
    from sluice.approval import records, release

    record = options.out / records.RELEASE
    release.release(options.repo, options.version, _approved(options), record, show)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    from sluice.approval import release

    given = (options.repo, options.version, options.reason, _approved(options))
    release.revoke(*given, folder=options.out, say=show)
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from sluice.approval import release

    approved = _approved(options)
    release.roll_back(options.repo, options.version, options.reason, approved, show)
    return 0
