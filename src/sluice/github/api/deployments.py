"""Deployments of one repository and their statuses, through GitHub's REST API."""

from __future__ import annotations

from typing import Any

from sluice.github.api import responses
from sluice.github.api.connection import PAGE, Connection, as_body


class Deployments(Connection):
    """One method for each request; each raises SluiceError as `Connection` says."""

    def newest(self, environment: str, task: str) -> responses.Deployment | None:
        """The newest deployment with this task; None if there is none."""
        repos = self.rest.repos
        found = self.read_again(
            f"{environment}/{task}",
            list[responses.Deployment],
            lambda headers: repos.list_deployments(
                *self.place, environment=environment, task=task, per_page=1, headers=headers
            ),
        )
        return found[0] if found else None

    def get(self, id: int) -> responses.Deployment:
        repos = self.rest.repos
        return self.read(responses.Deployment, lambda: repos.get_deployment(*self.place, id))

    def create(self, body: dict[str, Any]) -> responses.Deployment:
        repos = self.rest.repos
        return self.read(
            responses.Deployment, lambda: repos.create_deployment(*self.place, data=as_body(body))
        )

    def statuses(self, id: int) -> list[responses.DeploymentStatus]:
        """All statuses of a deployment."""
        repos = self.rest.repos
        return self.pages(
            list[responses.DeploymentStatus],
            lambda page: repos.list_deployment_statuses(*self.place, id, per_page=PAGE, page=page),
            lambda answer: answer,
        )

    def report(self, id: int, body: dict[str, Any]) -> None:
        """Add a status to a deployment."""
        repos = self.rest.repos
        self.ask(lambda: repos.create_deployment_status(*self.place, id, data=as_body(body)))
