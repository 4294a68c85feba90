"""Keep one comment up to date on the pull request that a run of CI belongs to.

This job has a token that may write, but the run of CI may have executed anyone's code. So the pull
request is found by the run's commit, changed settings and files are read from GitHub, and only data
is used from what the run uploaded.
"""

from __future__ import annotations

from collections.abc import Callable

from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.pulls import Pulls
from sluice.github.comment import artifact, body, changes

_WORKFLOW = ".github/workflows/ci.yml"
_OUR_USER = ("github-actions[bot]", "Bot")


def run(repository: str | None, id: int, say: Callable[[str], None]) -> str | None:
    """Comment on the pull request of the run `id`.

    repository: owner/name, or None for git's origin. Returns why there is no report although
    there should be one, or None. Raises SluiceError for a run that gets no comment.
    """
    with Pulls(access.find(repository)) as github:
        ci_run = github.run(id)
        if ci_run.event != "pull_request":
            say(f"run {id} does not belong to a pull request: nothing to comment")
            return None
        if ci_run.path.partition("@")[0] != _WORKFLOW:
            raise SluiceError(f"run {id} is not a run of {_WORKFLOW}; give the id of one")
        if ci_run.status != "completed":
            raise SluiceError(f"run {id} is not completed; wait until it is")
        pulls = _pulls(github, ci_run)
        if not pulls:
            commit = ci_run.head_sha[:7]
            say(f"commit {commit} is no longer the head of an open pull request: no comment")
            return None
        text, problem = _text(github, ci_run, pulls)
        for pull in pulls:
            say(f"pull request {pull.number}: {_comment(github, pull, ci_run, text)}")
    return problem


def _pulls(github: Pulls, ci_run: responses.Run) -> list[responses.Pull]:
    """The open pull requests whose head is still the run's commit."""
    found = [pull for pull in github.of_commit(ci_run.head_sha) if _matches(github, pull, ci_run)]
    if not found and ci_run.head_repository and ci_run.head_branch:
        owner = ci_run.head_repository.owner.login
        listed = github.of_branch(owner, ci_run.head_branch)
        found = [pull for pull in listed if _matches(github, pull, ci_run)]
    # The list can be outdated, and lacks the number of changed files.
    current = [github.pull(pull.number) for pull in found]
    return [pull for pull in current if _matches(github, pull, ci_run)]


def _matches(github: Pulls, pull: responses.Pull, ci_run: responses.Run) -> bool:
    return (
        pull.state == "open"
        and _name(pull.base.repo) == github.access.repository.lower()
        # Anyone can open another pull request with someone else's commit.
        and _name(pull.head.repo) == _name(ci_run.head_repository)
        and pull.head.ref == ci_run.head_branch
        and pull.head.sha == ci_run.head_sha
    )


def _name(repository: responses.RepositoryName | None) -> str | None:
    return repository.full_name.lower() if repository else None


def _text(
    github: Pulls, ci_run: responses.Run, pulls: list[responses.Pull]
) -> tuple[str, str | None]:
    """The comment and, if it should contain CI's report but does not, the reason."""
    failed = github.failed_jobs(ci_run) if ci_run.conclusion != "success" else []
    try:
        report = artifact.fetch(github, ci_run)
        changed = changes.read(github, _only(pulls))
        return body.with_report(github.access, ci_run, report, changed, failed), None
    except SluiceError as error:
        text = body.without_report(github.access, ci_run, str(error), failed)
        stopped = isinstance(error, artifact.AbsentError) and ci_run.conclusion != "success"
        return text, None if stopped else github.access.printable(str(error))


def _only(pulls: list[responses.Pull]) -> responses.Pull:
    if len(pulls) > 1:
        numbers = ", ".join(str(pull.number) for pull in pulls)
        raise SluiceError(
            f"pull requests {numbers} have the same head, so it is unknown which one the report "
            "is for; close all but one"
        )
    return pulls[0]


def _comment(github: Pulls, pull: responses.Pull, ci_run: responses.Run, text: str) -> str:
    """Create or update sluice's comment; returns what was done."""
    ours = [
        (stamp, comment)
        for comment in github.comments(pull)
        if comment.user
        and (comment.user.login, comment.user.type) == _OUR_USER
        and (stamp := body.stamp(comment.body or ""))
    ]
    if not ours:
        github.create_comment(pull, text)
        return "comment created"
    stamp, newest = max(ours, key=lambda pair: pair[0])
    if stamp > (ci_run.id, ci_run.run_attempt):
        return "a newer run has already commented"
    if (newest.body or "").replace("\r\n", "\n").strip() == text.strip():
        return "the comment is already up to date"
    github.update_comment(newest, text)
    return "comment updated"
