"""The repository on GitHub: set it up, or look whether it still is as the files say."""

from __future__ import annotations

import argparse

from sluice.commands import REFUSED, Commands, say, show
from sluice.github import PARTS, SETTINGS


def add(commands: Commands) -> None:
    github = commands.group("github", "set up the repository on GitHub, or check it")
    setup = github.add("setup", _setup, f"make the repository what {SETTINGS}/ says")
    setup.add_argument("--dry-run", action="store_true", help="only show what would change")
    setup.add_argument(
        "--reviewer",
        action="append",
        default=[],
        metavar="LOGIN",
        help="who approves releases, where the files name nobody; may be given again",
    )
    doctor = github.add("doctor", _doctor, f"compare the repository with {SETTINGS}/")
    doctor.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        help="compare this alone, such as what a workflow's token may read; may be given again",
    )
    comment = github.add("comment", _comment, "show a run's report on its pull request")
    comment.add_argument("--run", type=int, required=True, metavar="ID", help="of the workflow CI")
    for action in (setup, doctor, comment):
        action.add_argument("--repo", metavar="OWNER/NAME", help="(git's origin)")


def _setup(options: argparse.Namespace) -> int:
    from sluice.github.settings import setup

    setup.run(options.repo, SETTINGS, options.reviewer, dry_run=options.dry_run, say=show)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from sluice.github.settings import doctor

    if doctor.run(options.repo, SETTINGS, options.only or PARTS, show):
        print("the repository is as the files say")
        return 0
    return say(f"refused: the repository is not as {SETTINGS}/ says", REFUSED)


def _comment(options: argparse.Namespace) -> int:
    from sluice.github.comment import run as comment

    refused = comment.run(options.repo, options.run, show)
    return say(f"no report: {refused}", REFUSED) if refused else 0
