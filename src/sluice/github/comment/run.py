"""One comment on the pull request that a run of CI was of, kept up to date.

This runs with a token that may write, and the run may be of anyone's code: so the pull
request is found from the run's commit, what changes how it is judged is read from GitHub,
and of what the run left behind only data is used.
"""

from __future__ import annotations

from collections.abc import Callable

from sluice.errors import SluiceError
from sluice.github.api import access, responses
from sluice.github.api.pulls import Pulls
from sluice.github.comment import artifact, body, changes

_WORKFLOW = ".github/workflows/ci.yml"
_OURS = ("github-actions[bot]", "Bot")


def run(repository: str | None, id: int, say: Callable[[str], None]) -> str | None:
    """Why there is no report although there should be one, or None."""
    with Pulls(access.find(repository)) as github:
        of_ci = github.run(id)
        if of_ci.event != "pull_request":
            say(f"run {id} was not of a pull request: nothing to comment")
            return None
        if of_ci.path.partition("@")[0] != _WORKFLOW:
            raise SluiceError(f"run {id} is not of {_WORKFLOW}")
        if of_ci.status != "completed":
            raise SluiceError(f"run {id} is not completed")
        pulls = _pulls(github, of_ci)
        if not pulls:
            say(f"commit {of_ci.head_sha[:7]} is no open pull request's head any more: no comment")
            return None
        text, refused = _text(github, of_ci, pulls)
        for pull in pulls:
            say(f"pull request {pull.number}: {_keep(github, pull, of_ci, text)}")
    return refused


def _pulls(github: Pulls, of_ci: responses.Run) -> list[responses.Pull]:
    """The pull requests that still stand where this run saw them."""
    found = [pull for pull in github.of_commit(of_ci.head_sha) if _is_of(github, pull, of_ci)]
    if not found and of_ci.head_repository and of_ci.head_branch:
        owner = of_ci.head_repository.owner.login
        listed = github.of_branch(owner, of_ci.head_branch)
        found = [pull for pull in listed if _is_of(github, pull, of_ci)]
    # A list may be older than the pull request itself, and does not count its files.
    whole = [github.pull(pull.number) for pull in found]
    return [pull for pull in whole if _is_of(github, pull, of_ci)]


def _is_of(github: Pulls, pull: responses.Pull, of_ci: responses.Run) -> bool:
    return (
        pull.state == "open"
        and _name(pull.base.repo) == github.access.repository.lower()
        # Anyone may open a pull request of their own from someone else's commit.
        and _name(pull.head.repo) == _name(of_ci.head_repository)
        and pull.head.ref == of_ci.head_branch
        and pull.head.sha == of_ci.head_sha
    )


def _name(repository: responses.RepositoryName | None) -> str | None:
    return repository.full_name.lower() if repository else None


def _text(
    github: Pulls, of_ci: responses.Run, pulls: list[responses.Pull]
) -> tuple[str, str | None]:
    """The comment, and why CI's report is not in it where it should be."""
    failed = github.failed_jobs(of_ci) if of_ci.conclusion != "success" else []
    try:
        report = artifact.fetch(github, of_ci)
        made = changes.read(github, _only(pulls))
        return body.of_report(github.access, of_ci, report, made, failed), None
    except SluiceError as error:
        text = body.without_report(github.access, of_ci, str(error), failed)
        died = isinstance(error, artifact.AbsentError) and of_ci.conclusion != "success"
        return text, None if died else github.access.printable(str(error))


def _only(pulls: list[responses.Pull]) -> responses.Pull:
    if len(pulls) > 1:
        numbers = ", ".join(str(pull.number) for pull in pulls)
        raise SluiceError(f"pull requests {numbers} have the same head; which one is not known")
    return pulls[0]


def _keep(github: Pulls, pull: responses.Pull, of_ci: responses.Run, text: str) -> str:
    """Bring our comment up to date; what was done."""
    ours = [
        (stamp, one)
        for one in github.comments(pull)
        if one.user
        and (one.user.login, one.user.type) == _OURS
        and (stamp := body.stamp(one.body or ""))
    ]
    if not ours:
        github.create_comment(pull, text)
        return "commented"
    stamp, newest = max(ours, key=lambda pair: pair[0])
    if stamp > (of_ci.id, of_ci.run_attempt):
        return "a newer run has commented already"
    if (newest.body or "").replace("\r\n", "\n").strip() == text.strip():
        return "the comment is up to date"
    github.update_comment(newest, text)
    return "the comment is brought up to date"
