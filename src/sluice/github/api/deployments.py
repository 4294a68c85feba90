"""Deployments of one repository and their statuses, through GitHub's REST API."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from sluice.github.api.connection import PAGE, Connection, as_body
from sluice.github.api.responses import Account


class Deployment(Struct):
    """payload: data from its creator, which GitHub does not check."""

    id: int
    task: str
    environment: str
    payload: Any = None


class DeploymentStatus(Struct):
    id: int
    state: str
    description: str | None = None
    creator: Account | None = None

    @property
    def by(self) -> str:
        """The login of the account that reported the status."""
        return (self.creator and self.creator.login) or "someone whom GitHub does not name"


class Deployments(Connection):
    """One method for each request; errors are described in `Connection`."""

    def newest(self, environment: str, task: str) -> Deployment | None:
        """The newest deployment with this task; None if there is none."""
        repos = self.rest.repos
        found = self.read_again(
            f"{environment}/{task}",
            list[Deployment],
            lambda headers: repos.list_deployments(
                *self.place, environment=environment, task=task, per_page=1, headers=headers
            ),
        )
        return found[0] if found else None

    def get(self, id: int) -> Deployment:
        repos = self.rest.repos
        return self.read(Deployment, lambda: repos.get_deployment(*self.place, id))

    def create(self, body: dict[str, Any]) -> Deployment:
        repos = self.rest.repos
        return self.read(
            Deployment, lambda: repos.create_deployment(*self.place, data=as_body(body))
        )

    def statuses(self, id: int) -> list[DeploymentStatus]:
        """All statuses of a deployment."""
        repos = self.rest.repos
        return self.pages(
            list[DeploymentStatus],
            lambda page: repos.list_deployment_statuses(*self.place, id, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def report(self, id: int, body: dict[str, Any]) -> None:
        """Add a status to a deployment."""
        repos = self.rest.repos
        self.ask(lambda: repos.create_deployment_status(*self.place, id, data=as_body(body)))
