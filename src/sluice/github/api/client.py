"""The settings of one repository, read and written through GitHub's REST API."""

from __future__ import annotations

from typing import Any, Literal

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.api.connection import PAGE, Connection, RefusedError, as_body, quoted

AccountKind = Literal["User", "Team"]


class Client(Connection):
    """One method for each request. A `body` has the keys of GitHub's API.

    Every method raises RefusedError if GitHub refuses the request, NoAnswerError if GitHub does not
    answer, and SluiceError if the answer cannot be read.
    """

    def __init__(self, access: Access) -> None:
        super().__init__(access)
        self._accounts: dict[tuple[AccountKind, str], int] = {}

    def repository(self) -> responses.Repository:
        return self.read(responses.Repository, lambda: self.rest.repos.get(*self.place))

    def update_repository(self, body: dict[str, Any]) -> None:
        self.ask(lambda: self.rest.repos.update(*self.place, data=as_body(body)))

    def actions_permissions(self) -> responses.ActionsPermissions:
        actions = self.rest.actions
        return self.read(
            responses.ActionsPermissions,
            lambda: actions.get_github_actions_permissions_repository(*self.place),
        )

    def set_actions_permissions(self, body: dict[str, Any]) -> None:
        actions = self.rest.actions
        self.ask(
            lambda: actions.set_github_actions_permissions_repository(
                *self.place, data=as_body(body)
            )
        )

    def workflow_permissions(self) -> responses.WorkflowPermissions:
        actions = self.rest.actions
        return self.read(
            responses.WorkflowPermissions,
            lambda: actions.get_github_actions_default_workflow_permissions_repository(*self.place),
        )

    def set_workflow_permissions(self, body: dict[str, Any]) -> None:
        actions = self.rest.actions
        self.ask(
            lambda: actions.set_github_actions_default_workflow_permissions_repository(
                *self.place, data=as_body(body)
            )
        )

    def vulnerability_alerts(self) -> bool:
        """Whether Dependabot's alerts are on."""
        return self.found(lambda: self.rest.repos.check_vulnerability_alerts(*self.place))

    def set_vulnerability_alerts(self, on: bool) -> None:
        repos = self.rest.repos
        switch = repos.enable_vulnerability_alerts if on else repos.disable_vulnerability_alerts
        self.ask(lambda: switch(*self.place))

    def private_reporting(self) -> bool | None:
        """Whether private reports of vulnerabilities are on.

        None if GitHub does not say, because the server or the kind of repository lacks the setting.
        """
        repos = self.rest.repos
        try:
            return self.read(
                responses.Switch, lambda: repos.check_private_vulnerability_reporting(*self.place)
            ).enabled
        except RefusedError as refused:
            if refused.status in (404, 422):
                return None
            raise

    def set_private_reporting(self, on: bool) -> None:
        repos = self.rest.repos
        switch = (
            repos.enable_private_vulnerability_reporting
            if on
            else repos.disable_private_vulnerability_reporting
        )
        self.ask(lambda: switch(*self.place))

    def environment(self, name: str) -> responses.EnvironmentResponse | None:
        """The environment, or None if there is none of this name."""
        return self.read_or_none(
            responses.EnvironmentResponse,
            lambda: self.rest.repos.get_environment(*self.place, quoted(name)),
        )

    def put_environment(self, name: str, body: dict[str, Any]) -> None:
        """Create or replace an environment; settings that the body lacks return to defaults."""
        repos = self.rest.repos
        self.ask(
            lambda: repos.create_or_update_environment(
                *self.place, quoted(name), data=as_body(body)
            )
        )

    def forbid_bypass(self, name: str, body: dict[str, Any]) -> bool | None:
        """Set `can_admins_bypass` to false, and return its value in GitHub's answer.

        GitHub accepts this field, but its API description lacks it, so the method that githubkit
        generates from the description would drop it.
        """
        owner, repository = self.place
        path = f"/repos/{owner}/{repository}/environments/{quoted(name)}"
        version = {"X-GitHub-Api-Version": self.rest.repos._REST_API_VERSION}
        whole = {**body, "can_admins_bypass": False}
        return self.read(
            responses.EnvironmentResponse,
            lambda: self._github.request("PUT", path, json=whole, headers=version),
        ).can_admins_bypass

    def policies(self, environment: str) -> list[responses.Policy]:
        """The branch and tag patterns that may deploy to an environment."""
        repos = self.rest.repos
        return self.pages(
            responses.Policies,
            lambda page: repos.list_deployment_branch_policies(
                *self.place, quoted(environment), per_page=PAGE, page=page
            ),
            lambda answer: answer.branch_policies,
        )

    def add_policy(self, environment: str, body: dict[str, Any]) -> None:
        """Let branches or tags of a pattern deploy; one that exists already is left as it is."""
        repos = self.rest.repos
        try:
            self.ask(
                lambda: repos.create_deployment_branch_policy(
                    *self.place, quoted(environment), data=as_body(body)
                )
            )
        except RefusedError as refused:
            if refused.status != 303:  # the pattern exists already
                raise

    def delete_policy(self, environment: str, id: int) -> None:
        repos = self.rest.repos
        self.ask(
            lambda: repos.delete_deployment_branch_policy(*self.place, quoted(environment), id)
        )

    def rulesets(self, names: set[str]) -> list[responses.Ruleset]:
        """The repository's own rulesets that have one of these names, with all their rules."""
        repos = self.rest.repos
        found = self.pages(
            list[responses.RulesetName],
            lambda page: repos.get_repo_rulesets(
                *self.place, per_page=PAGE, page=page, includes_parents=False
            ),
            lambda answer: answer,
        )
        # Some servers also list those of the organisation, although the request excludes them.
        own = [one for one in found if one.source_type == "Repository"]
        return [self._ruleset(one.id) for one in own if one.name in names]

    def _ruleset(self, id: int) -> responses.Ruleset:
        return self.read(
            responses.Ruleset,
            lambda: self.rest.repos.get_repo_ruleset(*self.place, id, includes_parents=False),
        )

    def create_ruleset(self, body: dict[str, Any]) -> None:
        self.ask(lambda: self.rest.repos.create_repo_ruleset(*self.place, data=as_body(body)))

    def update_ruleset(self, id: int, body: dict[str, Any]) -> None:
        repos = self.rest.repos
        self.ask(lambda: repos.update_repo_ruleset(*self.place, id, data=as_body(body)))

    def labels(self) -> list[responses.Label]:
        issues = self.rest.issues
        return self.pages(
            list[responses.Label],
            lambda page: issues.list_labels_for_repo(*self.place, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def create_label(self, body: dict[str, Any]) -> None:
        self.ask(lambda: self.rest.issues.create_label(*self.place, data=as_body(body)))

    def update_label(self, name: str, body: dict[str, Any]) -> None:
        issues = self.rest.issues
        self.ask(lambda: issues.update_label(*self.place, quoted(name), data=as_body(body)))

    def account_id(self, kind: AccountKind, name: str) -> int:
        """The number of a user, or of a team of the repository's owner. Requested once per name.

        Raises SluiceError if GitHub has no such account.
        """
        if (kind, name) not in self._accounts:
            try:
                self._accounts[kind, name] = self._account(kind, name).id
            except RefusedError as refused:
                if refused.status == 404:
                    raise SluiceError(
                        f"GitHub has no {kind.lower()} {name!r}: correct the name of this "
                        "reviewer, or remove it"
                    ) from None
                raise
        return self._accounts[kind, name]

    def _account(self, kind: AccountKind, name: str) -> responses.Account:
        place = quoted(name)
        if kind == "User":
            return self.read(responses.Account, lambda: self.rest.users.get_by_username(place))
        return self.read(
            responses.Account, lambda: self.rest.teams.get_by_name(self.access.owner, place)
        )
