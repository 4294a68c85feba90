"""From a delivery to an approved release, and back."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import REFUSED, Commands, say, show, show_judged


def add(commands: Commands) -> None:
    release = commands.group("release", "deliver, release after approval, roll back")
    meaning = "put the package that serves production into a folder, verified"
    champion = release.add("champion", _champion, meaning)
    champion.add_argument("--out", type=Path, default=Path("out/champion"), metavar="FOLDER")

    meaning = "put package and evidence together, each file by its digest"
    assemble = release.add("assemble", _assemble, meaning)
    assemble.add_argument("package", type=Path)
    assemble.add_argument("--image", required=True, metavar="REFERENCE", help="by its digest")
    assemble.add_argument(
        "--evidence", type=Path, action="append", default=[], metavar="PATH", help="file or folder"
    )
    deliver = release.add("deliver", _deliver, "publish a delivery as a pre-release")
    for action in (assemble, deliver):
        action.add_argument("--out", type=Path, default=Path("out/delivery"), metavar="FOLDER")

    preflight = release.add("preflight", _preflight, "look at everything, and write one page")
    meaning = "after the approval: write down who approved what"
    confirm = release.add("confirm", _confirm, meaning)
    for action in (preflight, confirm):
        action.add_argument("--out", type=Path, default=Path("out/release"), metavar="FOLDER")
    meaning = "after the approval: the pre-release becomes the champion"
    publish = release.add("publish", _publish, meaning)
    meaning = "after the approval: an earlier release becomes the champion again"
    back = release.add("rollback", _rollback, meaning)
    for action in (preflight, confirm, publish, back):
        action.add_argument("version")
    for action in (confirm, publish, back):
        digest = "sha256 of the delivery.json that was approved"
        action.add_argument("--approved", required=True, metavar="DIGEST", help=digest)
        beside = "the champion that the approved page compares with, or nobody"
        action.add_argument("--beside", required=True, metavar="TAG", help=beside)
    outputs = "append the digest to approve, and the champion, to this file: outputs of a step"
    preflight.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    preflight.add_argument("--reason", help="why production is to go back to this version")
    back.add_argument("--reason", required=True)
    for action in (champion, deliver, preflight, confirm, publish, back):
        action.add_argument("--repo", metavar="OWNER/NAME", help="(git's origin)")


def _champion(options: argparse.Namespace) -> int:
    from sluice.champion import current as champion

    champion.run(options.repo, options.out, show)
    return 0


def _assemble(options: argparse.Namespace) -> int:
    from sluice.delivery import delivery

    made = delivery.assemble(options.package, options.image, options.evidence, options.out)
    print(f"delivery: {options.out}, {made.title}, {len(made.files)} files")
    return 0


def _deliver(options: argparse.Namespace) -> int:
    from sluice.delivery import deliver

    deliver.run(options.repo, options.out, show)
    return 0


def _preflight(options: argparse.Namespace) -> int:
    from sluice.approval import request

    asked = (options.repo, options.version, options.reason, options.out)
    verdict = request.run(*asked, outputs=options.outputs, say=show)
    for finding in verdict.findings:
        show_judged(finding.name, finding.status, finding.why)
    if verdict.passes:
        print(f"to approve: {options.out / request.PAGE}")
        return 0
    return say(f"refused: {verdict.why}", REFUSED)


def _confirm(options: argparse.Namespace) -> int:
    from sluice.approval import promote

    approved = promote.Approved(options.approved, options.beside)
    record = options.out / promote.RECORD
    promote.confirm(options.repo, options.version, approved, record, show)
    return 0


def _publish(options: argparse.Namespace) -> int:
    from sluice.approval import promote

    approved = promote.Approved(options.approved, options.beside)
    promote.release(options.repo, options.version, approved, show)
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from sluice.approval import promote

    approved = promote.Approved(options.approved, options.beside)
    promote.roll_back(options.repo, options.version, options.reason, approved, show)
    return 0
