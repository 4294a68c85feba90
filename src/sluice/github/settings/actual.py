"""The repository's settings on GitHub, read section by section."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sluice.errors import SluiceError
from sluice.github import Section
from sluice.github.api import responses
from sluice.github.api.client import Client
from sluice.github.settings.desired import DesiredSettings


@dataclass
class ActualEnvironment:
    """An environment, and the branches and tags that may deploy to it."""

    settings: responses.EnvironmentResponse
    policies: list[responses.Policy]


@dataclass
class Actual:
    """The settings on GitHub. A section that could not be read is empty, and `unread` says why."""

    repository: responses.Repository
    actions: responses.ActionsPermissions | None = None
    workflow: responses.WorkflowPermissions | None = None
    rulesets: list[responses.Ruleset] = field(default_factory=list)
    environments: dict[str, ActualEnvironment | None] = field(default_factory=dict)
    vulnerability_alerts: bool | None = None
    private_reporting: bool | None = None
    labels: list[responses.Label] = field(default_factory=list)
    unread: dict[Section, SluiceError] = field(default_factory=dict)


def read(client: Client, wanted: DesiredSettings, sections: Collection[Section]) -> Actual:
    """Read the sections; raises SluiceError if the repository itself cannot be read."""
    actual = Actual(client.repository())
    readers: dict[Section, Callable[[Client, DesiredSettings, Actual], None]] = {
        "actions": _actions,
        "rulesets": _rulesets,
        "environments": _environments,
        "repository": _repository,
        "labels": _labels,
    }
    for section in sections:
        try:
            readers[section](client, wanted, actual)
        except SluiceError as error:
            actual.unread[section] = error
    return actual


def _actions(client: Client, wanted: DesiredSettings, actual: Actual) -> None:
    actual.actions = client.actions_permissions()
    actual.workflow = client.workflow_permissions()


def _rulesets(client: Client, wanted: DesiredSettings, actual: Actual) -> None:
    actual.rulesets = client.rulesets({one.name for one in wanted.rulesets})


def _environments(client: Client, wanted: DesiredSettings, actual: Actual) -> None:
    for one in wanted.environments:
        settings = client.environment(one.name)
        # For an environment without patterns, GitHub answers 404.
        listed = client.policies(one.name) if settings and settings.by_patterns else []
        actual.environments[one.name] = ActualEnvironment(settings, listed) if settings else None


def _repository(client: Client, wanted: DesiredSettings, actual: Actual) -> None:
    actual.vulnerability_alerts = client.vulnerability_alerts()
    # Private repositories do not have this setting.
    if not actual.repository.private:
        actual.private_reporting = client.private_reporting()


def _labels(client: Client, wanted: DesiredSettings, actual: Actual) -> None:
    actual.labels = client.labels()
