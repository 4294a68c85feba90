"""One repository over GitHub's REST API: a method a request, and each failure in one line."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec

from sluice import __version__
from sluice.errors import SluiceError
from sluice.github import answers
from sluice.github.access import Access
from sluice.github.wanted import Reviewer

try:
    from githubkit import GitHub, Response, TokenAuthStrategy
    from githubkit.exception import GitHubException, RequestError, RequestFailed, RequestTimeout
except ImportError as error:
    raise SluiceError(f"{error}: pip install '.[github]'") from None

T = TypeVar("T")

_SECONDS = 20.0
_PAGE = 100
_MOST_PAGES = 100
_PLAN_WORDS = ("billing plan", "upgrade to", "current plan", "github pro", "github team")


class NoAnswerError(SluiceError):
    """GitHub may or may not have done what was asked for."""


class RefusedError(SluiceError):
    """GitHub answered, and not with what was asked for."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"GitHub answers {status}: {said}")
        self.status = status
        self.of_plan = status in (402, 403, 422) and any(w in said.lower() for w in _PLAN_WORDS)


class Client:
    def __init__(self, access: Access) -> None:
        self.access = access
        self._place = (access.owner, access.name)
        self._reviewers: dict[tuple[str, str], int] = {}
        # A redirect would turn a POST into a GET and call it done.
        self._github = GitHub(
            TokenAuthStrategy(access.token),
            base_url=access.url,
            user_agent=f"sluice/{__version__}",
            timeout=_SECONDS,
            follow_redirects=False,
            http_cache=False,
            auto_retry=False,
        )
        self._rest = self._github.rest

    def __enter__(self) -> Self:
        self._github.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._github.__exit__(kind, error, trace)

    def repository(self) -> answers.Repository:
        return self._read(answers.Repository, lambda: self._rest.repos.get(*self._place))

    def update_repository(self, body: dict[str, Any]) -> None:
        self._ask(lambda: self._rest.repos.update(*self._place, data=_body(body)))

    def actions_permissions(self) -> answers.ActionsPermissions:
        actions = self._rest.actions
        return self._read(
            answers.ActionsPermissions,
            lambda: actions.get_github_actions_permissions_repository(*self._place),
        )

    def set_actions_permissions(self, body: dict[str, Any]) -> None:
        actions = self._rest.actions
        self._ask(
            lambda: actions.set_github_actions_permissions_repository(
                *self._place, data=_body(body)
            )
        )

    def workflow_permissions(self) -> answers.WorkflowPermissions:
        actions = self._rest.actions
        return self._read(
            answers.WorkflowPermissions,
            lambda: actions.get_github_actions_default_workflow_permissions_repository(
                *self._place
            ),
        )

    def set_workflow_permissions(self, body: dict[str, Any]) -> None:
        actions = self._rest.actions
        self._ask(
            lambda: actions.set_github_actions_default_workflow_permissions_repository(
                *self._place, data=_body(body)
            )
        )

    def vulnerability_alerts(self) -> bool:
        return self._found(lambda: self._rest.repos.check_vulnerability_alerts(*self._place))

    def set_vulnerability_alerts(self, on: bool) -> None:
        repos = self._rest.repos
        switch = repos.enable_vulnerability_alerts if on else repos.disable_vulnerability_alerts
        self._ask(lambda: switch(*self._place))

    def private_reporting(self) -> bool:
        repos = self._rest.repos
        return self._read(
            answers.Switch, lambda: repos.check_private_vulnerability_reporting(*self._place)
        ).enabled

    def set_private_reporting(self, on: bool) -> None:
        repos = self._rest.repos
        switch = (
            repos.enable_private_vulnerability_reporting
            if on
            else repos.disable_private_vulnerability_reporting
        )
        self._ask(lambda: switch(*self._place))

    def environment(self, name: str) -> answers.Environment | None:
        try:
            return self._read(
                answers.Environment,
                lambda: self._rest.repos.get_environment(*self._place, _quoted(name)),
            )
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def put_environment(self, name: str, body: dict[str, Any]) -> None:
        repos = self._rest.repos
        self._ask(
            lambda: repos.create_or_update_environment(
                *self._place, _quoted(name), data=_body(body)
            )
        )

    def forbid_bypass(self, name: str, body: dict[str, Any]) -> bool | None:
        """Ask for `can_admins_bypass: false`; what GitHub then says it is.

        GitHub takes this field, but its API description does not have it, so the
        typed request would drop it. It is sent only to a server that knows it.
        """
        found = self.environment(name)
        if found is None or not found.can_admins_bypass:
            return found.can_admins_bypass if found else None
        owner, repository = self._place
        path = f"/repos/{owner}/{repository}/environments/{_quoted(name)}"
        version = {"X-GitHub-Api-Version": self._rest.repos._REST_API_VERSION}
        whole = {**body, "can_admins_bypass": False}
        try:
            return self._read(
                answers.Environment,
                lambda: self._github.request("PUT", path, json=whole, headers=version),
            ).can_admins_bypass
        except RefusedError as refused:
            if refused.status in (400, 422):
                return found.can_admins_bypass
            raise

    def policies(self, environment: str) -> list[answers.Policy]:
        repos = self._rest.repos
        return self._pages(
            answers.Policies,
            lambda page: repos.list_deployment_branch_policies(
                *self._place, _quoted(environment), per_page=_PAGE, page=page
            ),
            lambda answer: answer.branch_policies,
        )

    def add_policy(self, environment: str, body: dict[str, Any]) -> None:
        repos = self._rest.repos
        self._ask(
            lambda: repos.create_deployment_branch_policy(
                *self._place, _quoted(environment), data=_body(body)
            )
        )

    def delete_policy(self, environment: str, id: int) -> None:
        repos = self._rest.repos
        self._ask(
            lambda: repos.delete_deployment_branch_policy(*self._place, _quoted(environment), id)
        )

    def rulesets(self, names: set[str]) -> list[answers.Ruleset]:
        """The rulesets of these names that are the repository's own, in full."""
        repos = self._rest.repos
        found = self._pages(
            list[answers.RulesetName],
            lambda page: repos.get_repo_rulesets(
                *self._place, per_page=_PAGE, page=page, includes_parents=False
            ),
            lambda answer: answer,
        )
        return [self._ruleset(one.id) for one in found if one.name in names]

    def _ruleset(self, id: int) -> answers.Ruleset:
        return self._read(
            answers.Ruleset,
            lambda: self._rest.repos.get_repo_ruleset(*self._place, id, includes_parents=False),
        )

    def create_ruleset(self, body: dict[str, Any]) -> None:
        self._ask(lambda: self._rest.repos.create_repo_ruleset(*self._place, data=_body(body)))

    def update_ruleset(self, id: int, body: dict[str, Any]) -> None:
        repos = self._rest.repos
        self._ask(lambda: repos.update_repo_ruleset(*self._place, id, data=_body(body)))

    def labels(self) -> list[answers.Label]:
        issues = self._rest.issues
        return self._pages(
            list[answers.Label],
            lambda page: issues.list_labels_for_repo(*self._place, per_page=_PAGE, page=page),
            lambda answer: answer,
        )

    def create_label(self, body: dict[str, Any]) -> None:
        self._ask(lambda: self._rest.issues.create_label(*self._place, data=_body(body)))

    def update_label(self, name: str, body: dict[str, Any]) -> None:
        issues = self._rest.issues
        self._ask(lambda: issues.update_label(*self._place, _quoted(name), data=_body(body)))

    def reviewer_id(self, reviewer: Reviewer) -> int:
        if reviewer.key not in self._reviewers:
            try:
                self._reviewers[reviewer.key] = self._account(reviewer).id
            except RefusedError as refused:
                if refused.status == 404:
                    raise SluiceError(f"reviewer {reviewer.words}: GitHub knows no such") from None
                raise
        return self._reviewers[reviewer.key]

    def _account(self, reviewer: Reviewer) -> answers.Account:
        if reviewer.user:
            login = _quoted(reviewer.user)
            return self._read(answers.Account, lambda: self._rest.users.get_by_username(login))
        slug = _quoted(str(reviewer.team))
        return self._read(
            answers.Account, lambda: self._rest.teams.get_by_name(self.access.owner, slug)
        )

    def _found(self, request: Callable[[], Response[Any, Any]]) -> bool:
        try:
            self._ask(request)
        except RefusedError as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def _pages(
        self,
        kind: type[T],
        request: Callable[[int], Response[Any, Any]],
        items: Callable[[T], list[Any]],
    ) -> list[Any]:
        found: list[Any] = []
        for page in range(1, _MOST_PAGES + 1):
            response = self._ask(lambda page=page: request(page))  # type: ignore[misc]
            some = items(self._typed(kind, response))
            found += some
            if len(some) < _PAGE and 'rel="next"' not in response.headers.get("link", ""):
                return found
        raise SluiceError(f"GitHub's list at {response.url.path} has no end")

    def _read(self, kind: type[T], request: Callable[[], Response[Any, Any]]) -> T:
        return self._typed(kind, self._ask(request))

    def _typed(self, kind: type[T], response: Response[Any, Any]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SluiceError(
                f"the answer to {response.url.path} is not what GitHub documents: {error}"
            ) from None

    def _ask(self, request: Callable[[], Response[Any, Any]]) -> Response[Any, Any]:
        try:
            response = request()
        except RequestFailed as failed:
            response = failed.response
        except RequestTimeout:
            raise NoAnswerError(f"{self.access.url} did not answer in {_SECONDS:g} s") from None
        except RequestError as error:
            said = self._safe(f"no answer from {self.access.url}: {error.exc}")
            raise NoAnswerError(said) from None
        except (GitHubException, ValueError, TypeError) as error:
            raise SluiceError(self._safe(str(error))) from None
        if response.is_success:
            return response
        raise RefusedError(response.status_code, self._said(response))

    def _said(self, response: Response[Any, Any]) -> str:
        """GitHub's own words, and what they mean for the person who reads them."""
        try:
            raw = response.json()
            said = str(raw["message"])
            if raw.get("errors"):
                said += f" ({_errors(raw['errors'])})"
        except (ValueError, KeyError, TypeError, AttributeError):
            said = response.reason_phrase or "no reason given"
        return self._safe(said) + _meaning(response)

    def _safe(self, text: str) -> str:
        return " ".join(self.access.printable(text).split())[:500]


def _body(body: dict[str, Any]) -> Any:
    # The library's own types are for code that spells its requests out.
    return body


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _errors(errors: Any) -> str:
    return "; ".join(
        str(one.get("message") or " ".join(map(str, one.values())))
        if isinstance(one, dict)
        else str(one)
        for one in (errors if isinstance(errors, list) else [errors])
    )


def _meaning(response: Response[Any, Any]) -> str:
    if response.status_code == 401:
        return "; the token is not valid, or no longer"
    if response.status_code == 429 or response.headers.get("x-ratelimit-remaining") == "0":
        return "; too many requests for now, try again later"
    if response.status_code in (403, 404):
        return " (does the token have the rights of an administrator here?)"
    if response.is_redirect:
        return "; has the repository moved? use its new name"
    return ""
