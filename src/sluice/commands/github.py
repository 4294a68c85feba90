"""Commands on the repository on GitHub: set it up, check it, and comment on pull requests."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import REFUSED, REPOSITORY, Commands, say, show
from sluice.github import PARTS, SETTINGS


def add(commands: Commands) -> None:
    github = commands.group("github", "set up the repository on GitHub, or check it")
    setup = github.add("setup", _setup, f"change the repository so that it matches {SETTINGS}")
    setup.add_argument("--dry-run", action="store_true", help="only show what would change")
    setup.add_argument(
        "--reviewer",
        action="append",
        default=[],
        metavar="LOGIN",
        help="who approves releases, if the files name nobody; can be given several times",
    )
    doctor = github.add("doctor", _doctor, f"compare the repository with {SETTINGS}")
    doctor.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        help="compare only this part, for a token that cannot read the others; can be given "
        "several times",
    )
    comment = github.add("comment", _comment, "show a run's report on its pull request")
    comment.add_argument(
        "--run", type=int, required=True, metavar="ID", help="the id of a run of the workflow CI"
    )
    meaning = "open or update the pull request for a retrained model"
    propose = github.add("propose", _propose, meaning)
    folder = "the folder that 'sluice monitor retrain' wrote"
    propose.add_argument("folder", type=Path, metavar="FOLDER", help=folder)
    for action in (setup, doctor, comment, propose):
        action.add_argument("--repo", metavar="OWNER/NAME", help=REPOSITORY)


def _setup(options: argparse.Namespace) -> int:
    from sluice.github.settings import setup

    setup.run(options.repo, SETTINGS, options.reviewer, dry_run=options.dry_run, say=show)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from sluice.delivery import place
    from sluice.github.settings import doctor

    parts = options.only or PARTS
    reports = place.server() if "server" in parts else None
    if doctor.run(options.repo, SETTINGS, parts, show, reports):
        print(f"the repository matches {SETTINGS}")
        return 0
    return say(f"refused: the repository does not match {SETTINGS}, see above", REFUSED)


def _comment(options: argparse.Namespace) -> int:
    from sluice.github.comment import run as comment

    refused = comment.run(options.repo, options.run, show)
    return say(f"no report: {refused}", REFUSED) if refused else 0


def _propose(options: argparse.Namespace) -> int:
    from sluice.github.propose import run as propose

    done = propose.run(options.repo, options.folder, show)
    return (
        say("refused: no pull request was opened, see above", REFUSED) if done == "unopened" else 0
    )
