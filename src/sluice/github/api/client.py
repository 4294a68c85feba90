"""One repository's settings over GitHub's REST API: a method a request."""

from __future__ import annotations

from typing import Any, Literal

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.access import Access
from sluice.github.api.connection import PAGE, Connection, RefusedError, as_body, quoted

AccountKind = Literal["User", "Team"]


class Client(Connection):
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
        return self.found(lambda: self.rest.repos.check_vulnerability_alerts(*self.place))

    def set_vulnerability_alerts(self, on: bool) -> None:
        repos = self.rest.repos
        switch = repos.enable_vulnerability_alerts if on else repos.disable_vulnerability_alerts
        self.ask(lambda: switch(*self.place))

    def private_reporting(self) -> bool | None:
        """None where this server, or this kind of repository, has no such switch to tell of."""
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
        try:
            return self.read(
                responses.EnvironmentResponse,
                lambda: self.rest.repos.get_environment(*self.place, quoted(name)),
            )
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def put_environment(self, name: str, body: dict[str, Any]) -> None:
        repos = self.rest.repos
        self.ask(
            lambda: repos.create_or_update_environment(
                *self.place, quoted(name), data=as_body(body)
            )
        )

    def forbid_bypass(self, name: str, body: dict[str, Any]) -> bool | None:
        """Ask for `can_admins_bypass: false`; what GitHub then says it is.

        GitHub takes this field, but its API description does not have it, so the
        typed request would drop it.
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
        repos = self.rest.repos
        return self.pages(
            responses.Policies,
            lambda page: repos.list_deployment_branch_policies(
                *self.place, quoted(environment), per_page=PAGE, page=page
            ),
            lambda answer: answer.branch_policies,
        )

    def add_policy(self, environment: str, body: dict[str, Any]) -> None:
        repos = self.rest.repos
        try:
            self.ask(
                lambda: repos.create_deployment_branch_policy(
                    *self.place, quoted(environment), data=as_body(body)
                )
            )
        except RefusedError as refused:
            # It is there already.
            if refused.status != 303:
                raise

    def delete_policy(self, environment: str, id: int) -> None:
        repos = self.rest.repos
        self.ask(
            lambda: repos.delete_deployment_branch_policy(*self.place, quoted(environment), id)
        )

    def rulesets(self, names: set[str]) -> list[responses.Ruleset]:
        """The rulesets of these names that are the repository's own, in full."""
        repos = self.rest.repos
        found = self.pages(
            list[responses.RulesetName],
            lambda page: repos.get_repo_rulesets(
                *self.place, per_page=PAGE, page=page, includes_parents=False
            ),
            lambda answer: answer,
        )
        # Some servers list an organisation's too, whatever they are asked.
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
        """The number of a user, or of a team of the repository's owner; asked for once.

        Raises SluiceError if GitHub knows no such account.
        """
        if (kind, name) not in self._accounts:
            try:
                self._accounts[kind, name] = self._account(kind, name).id
            except RefusedError as refused:
                if refused.status == 404:
                    raise SluiceError(
                        f"GitHub knows no {kind.lower()} {name!r}: correct the spelling, or leave "
                        "this reviewer out"
                    ) from None
                raise
        return self._accounts[kind, name]

    def _account(self, kind: AccountKind, name: str) -> responses.Account:
        known = quoted(name)
        if kind == "User":
            return self.read(responses.Account, lambda: self.rest.users.get_by_username(known))
        return self.read(
            responses.Account, lambda: self.rest.teams.get_by_name(self.access.owner, known)
        )
