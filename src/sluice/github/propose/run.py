"""Open or update the pull request that a retraining proposes.

This job has a token that may write, but the proposal comes from a job that ran code of the use
case. The proposal is therefore treated as data: its files are checked and committed, and none of
them is executed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sluice import proposal
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.branches import Branches
from sluice.github.api.connection import RefusedError
from sluice.proposal import Proposal

BRANCH, LABEL = "retraining", "retraining"
_BOT = "[bot]@users.noreply.github.com"

Result = Literal["nothing", "proposed", "unopened"]


def run(repository: str | None, folder: Path, say: Callable[[str], None]) -> Result:
    """Propose the content of the folder.

    Returns "nothing" if there is no proposal, and "unopened" if the branch was pushed, but GitHub
    does not let workflows open a pull request. Raises SluiceError for a proposal that is not valid
    or out of date, and if others have committed to the branch.
    """
    found = proposal.read(folder)
    if found is None:
        say("the retraining proposes no change")
        return "nothing"
    made, contents = found
    with Branches(access.find(repository)) as github:
        main = github.main()
        _require_current(github, main, made)
        commit = _commit(github, made, contents)
        _put(github, main, commit, say)
        return _open(github, main, made, say)


def _require_current(github: Branches, main: str, made: Proposal) -> None:
    head = github.head(main)
    if head != made.base:
        raise SluiceError(
            f"the proposal was made for commit {made.base[:7]}, but {main} is now at "
            f"{str(head)[:7]}: run the workflow again"
        )


def _commit(github: Branches, made: Proposal, contents: dict[str, bytes]) -> str:
    blobs = {path: github.create_blob(content) for path, content in contents.items()}
    tree = github.create_tree(github.commit(made.base).tree.sha, blobs)
    return github.create_commit(made.title, tree, made.base)


def _put(github: Branches, main: str, commit: str, say: Callable[[str], None]) -> None:
    """Set the branch to this single commit on top of main."""
    before = github.head(BRANCH)
    if before is None:
        try:
            github.create_branch(BRANCH, commit)
            say(f"branch {BRANCH} created")
            return
        except RefusedError as refused:  # another run was faster
            before = github.head(BRANCH)
            if refused.status != 422 or before is None:
                raise
    # An earlier run has left a single commit; a bot may also have added one to those of a person.
    alone = github.changes(main, BRANCH).total_commits <= 1
    if not alone or not github.commit(before).author.email.endswith(_BOT):
        raise SluiceError(
            f"somebody else has committed to the branch {BRANCH}: merge its pull request or delete "
            "the branch, and run the workflow again"
        )
    github.move_branch(BRANCH, commit)
    say(f"branch {BRANCH} updated")


def _open(github: Branches, main: str, made: Proposal, say: Callable[[str], None]) -> Result:
    """The branch's pull request: the open one, or a new one."""
    pulls = github.pulls(BRANCH, main)
    if not pulls:
        try:
            new = github.create_pull(BRANCH, main, made.title, made.body)
        except RefusedError as refused:
            if refused.status == 422:  # another run was faster
                pulls = github.pulls(BRANCH, main)
            if refused.status != 403 and not pulls:
                raise
            if not pulls:
                say(_advice(github, main))
                return "unopened"
        else:
            github.add_label(new.number, LABEL)
            say(f"pull request {new.number} opened")
            return "proposed"
    for pull in pulls:
        github.update_pull(pull.number, made.title, made.body)
        say(f"pull request {pull.number} updated")
    return "proposed"


def _advice(github: Branches, main: str) -> str:
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    link = f"{server}/{github.access.repository}/compare/{main}...{BRANCH}?expand=1"
    return (
        f"GitHub does not let workflows of this repository open pull requests: open it yourself at "
        f"{link}, or set 'can_approve_pull_request_reviews' in .github/settings/actions.json to "
        "true and run 'sluice github setup'"
    )
