"""The changes that are needed so that the repository matches the files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from sluice.github import SECTIONS, Section
from sluice.github.api.client import Client
from sluice.github.settings import environments, rulesets
from sluice.github.settings.actual import Actual
from sluice.github.settings.desired import DesiredSettings
from sluice.github.settings.differences import UNKNOWN, Change, Difference, as_dict, compare


def plan(files: DesiredSettings, actual: Actual, sections: Collection[Section]) -> list[Change]:
    """The changes, in an order that never reduces the protection, even if interrupted."""
    planners: dict[Section, Callable[[DesiredSettings, Actual], Iterator[Change]]] = {
        "actions": _actions,
        "rulesets": rulesets.changes,
        "environments": environments.changes,
        "repository": _repository,
        "labels": _labels,
    }
    readable = _readable(actual, sections)
    changes = [change for one in readable for change in planners[one](files, actual)]
    # This request is not documented by GitHub, so it comes last.
    if "environments" in readable:
        changes += environments.bypass(files, actual)
    return changes


def unknown(files: DesiredSettings, actual: Actual, sections: Collection[Section]) -> list[str]:
    """The settings that GitHub's API does not return, one line each: a person must check them."""
    readable, said = _readable(actual, sections), []
    if "environments" in readable:
        said += environments.unknown(files, actual)
    if "repository" in readable and _reporting_is_unknown(actual):
        look = f"{UNKNOWN}: look under Settings, Advanced Security"
        said.append(f"repository: private_vulnerability_reporting: {look}")
    return said


def _readable(actual: Actual, sections: Collection[Section]) -> list[Section]:
    return [one for one in SECTIONS if one in sections and one not in actual.unread]


def _reporting_is_unknown(actual: Actual) -> bool:
    return not actual.repository.private and actual.private_reporting is None


def _actions(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    what, body = "actions", files.actions.workflow.body()
    if differences := compare(what, body, as_dict(actual.workflow)):
        yield Change(what, differences, partial(Client.set_workflow_permissions, body=body))
    permissions = files.actions.permissions.body()
    if differences := compare(what, permissions, as_dict(actual.actions)):
        kept = actual.actions.allowed_actions if actual.actions else None
        whole = {"allowed_actions": kept, **permissions} if kept else permissions
        yield Change(what, differences, partial(Client.set_actions_permissions, body=whole))


def _repository(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    what, body = "repository", files.repository.settings.body()
    if differences := compare(what, body, as_dict(actual.repository)):
        yield Change(what, differences, partial(Client.update_repository, body=body))
    alerts = files.repository.vulnerability_alerts
    key = "vulnerability_alerts"
    if differences := compare(what, {key: alerts}, {key: actual.vulnerability_alerts}):
        yield Change(what, differences, partial(Client.set_vulnerability_alerts, on=alerts))
    if actual.private_reporting is None:
        return
    reporting = files.repository.private_vulnerability_reporting
    key = "private_vulnerability_reporting"
    if differences := compare(what, {key: reporting}, {key: actual.private_reporting}):
        yield Change(what, differences, partial(Client.set_private_reporting, on=reporting))


def _labels(files: DesiredSettings, actual: Actual) -> Iterator[Change]:
    found = {one.name.lower(): one for one in actual.labels}
    for one in files.labels:
        what, body, has = f"label {one.name}", one.body(), found.get(one.name.lower())
        if has is None:
            missing = [Difference(what, "exists", "no", "yes")]
            yield Change(what, missing, partial(Client.create_label, body=body))
            continue
        said = {"name": has.name, "color": has.color.lower(), "description": has.description or ""}
        if differences := compare(what, body, said):
            new = {"new_name": one.name, "color": one.color, "description": one.description}
            yield Change(what, differences, partial(Client.update_label, name=has.name, body=new))
