"""The part of the fake GitHub that has deployments and what is reported of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Answer = tuple[int, Any]
GONE: Answer = (404, {"message": "Not Found"})


class FakeDeployments:
    _paged: Callable[[list[Any], dict[str, str]], list[Any]]

    def __init__(self) -> None:
        # The newest first.
        self.deployments: list[dict[str, Any]] = []
        # By the number of the deployment.
        self.statuses: dict[int, list[dict[str, Any]]] = {}
        # The account whose token reports.
        self.reporter = "production-server"
        self._deployment_ids = iter(range(300, 10**6))
        self._status_ids = iter(range(900, 10**6))

    def status(self, deployment: int, state: str, description: str, by: str) -> None:
        """A report by an account with write access."""
        self.statuses.setdefault(deployment, []).insert(
            0,
            {
                "id": next(self._status_ids),
                "state": state,
                "description": description,
                "creator": {"id": 77, "login": by, "type": "User"},
            },
        )

    def _deployments(self, *, query: dict[str, str], **_: Any) -> Answer:
        found = [
            one
            for one in self.deployments
            if all(one[key] == query.get(key, one[key]) for key in ("task", "environment"))
        ]
        return 200, self._paged(found, query)

    def _create_deployment(self, *, body: Any, **_: Any) -> Answer:
        made = {"task": "deploy", "environment": "production", "payload": {}, "sha": "e" * 40}
        made |= {"id": next(self._deployment_ids), **body}
        self.deployments.insert(0, made)
        return 201, made

    def _deployment(self, id: str, **_: Any) -> Answer:
        found = [one for one in self.deployments if one["id"] == int(id)]
        return (200, found[0]) if found else GONE

    def _statuses(self, id: str, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, self._paged(self.statuses.get(int(id), []), query)

    def _create_status(self, id: str, *, body: Any, **_: Any) -> Answer:
        self.status(int(id), body["state"], body.get("description", ""), self.reporter)
        return 201, self.statuses[int(id)][0]
