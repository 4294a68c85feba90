"""The manifests are valid, and each rule of the policy finds its violations."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.kubernetes.manifests import (
    CANDIDATE,
    CHAMPION,
    FOLDER,
    Object,
    render,
    validate,
    with_images,
)
from support.kubernetes.policy import RULES, complaints, name, pods_are_restricted

_OVERLAYS = ("overlays/production", "overlays/canary", "route")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_images(tmp_path_factory.mktemp("deploy") / "kubernetes")


@pytest.fixture(scope="module")
def canary(folder: Path) -> list[Object]:
    """Everything that runs while a candidate is tried, with its route."""
    return render(folder / "overlays/canary") + render(folder / "route")


@pytest.mark.parametrize("overlay", _OVERLAYS)
def test_every_manifest_is_valid_and_within_the_policy(folder: Path, overlay: str) -> None:
    objects = render(folder / overlay)
    for each in objects:
        validate(each)
        assert each["kind"] == "Namespace" or each["metadata"]["namespace"] == "scoring"
    if overlay != "route":
        assert complaints(objects) == []


def test_an_overlay_without_image_names_cannot_run() -> None:
    found = complaints(render(FOLDER / "overlays/canary"))
    assert len(found) == 4
    assert all("sluice.invalid/" in said for said in found)


def test_only_the_canary_runs_the_candidate(canary: list[Object]) -> None:
    images = {
        name(each): each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in canary
        if "template" in each.get("spec", {})
    }
    assert images == {
        "Deployment server-stable": CHAMPION,
        "Deployment server-baseline": CHAMPION,
        "Deployment server-canary": CANDIDATE,
        "Job rollout": CANDIDATE,
    }


def test_production_has_nothing_of_a_canary(folder: Path) -> None:
    names = {name(each) for each in render(folder / "overlays/production")}
    assert "Deployment server-stable" in names
    assert not names & {"Deployment server-canary", "Deployment server-baseline", "Job rollout"}
    assert not any(each.startswith(("Role", "HTTPRoute")) for each in names)


def test_monitoring_is_one_component_more(folder: Path, tmp_path: Path) -> None:
    copied = with_images(tmp_path / "kubernetes")
    path = copied / "overlays/production/kustomization.yaml"
    path.write_text(path.read_text().replace("  # - ../../comp", "  - ../../comp"))
    objects = render(copied / "overlays/production")
    assert complaints(objects) == []
    (monitor,) = [each for each in objects if each["kind"] == "PodMonitor"]
    validate(monitor)
    before = {name(each) for each in render(folder / "overlays/production")}
    added = {name(each) for each in objects} - before
    assert added == {"PodMonitor scoring", "NetworkPolicy monitoring"}


# Changes of one object, and what a rule must say about each.

_POD = ("spec", "template", "spec")
_SERVER = (*_POD, "containers", 0)
_STABLE, _CANARY, _BASELINE = (f"Deployment server-{a}" for a in ("stable", "canary", "baseline"))
_ABSENT = object()

MUTANTS: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    (_CANARY, (*_POD, "securityContext", "runAsNonRoot"), _ABSENT, "may run as root"),
    (_CANARY, (*_POD, "securityContext", "runAsUser"), 0, "may run as root"),
    ("Job rollout", (*_SERVER, "securityContext", "runAsUser"), 0, "may run as root"),
    (_STABLE, (*_POD, "securityContext", "seccompProfile"), _ABSENT, "no seccomp profile"),
    (_STABLE, (*_POD, "hostNetwork"), True, "shares a namespace with its host"),
    (_STABLE, (*_POD, "volumes", 0), {"name": "log", "hostPath": {"path": "/"}}, "its host"),
    (
        _STABLE,
        (*_SERVER, "securityContext", "allowPrivilegeEscalation"),
        _ABSENT,
        "more privileges",
    ),
    (_STABLE, (*_SERVER, "securityContext", "privileged"), True, "more privileges"),
    (_BASELINE, (*_SERVER, "securityContext", "readOnlyRootFilesystem"), False, "may write to"),
    (_STABLE, (*_SERVER, "securityContext", "capabilities", "add"), ["NET_ADMIN"], "capabilities"),
    ("Job rollout", (*_SERVER, "securityContext", "capabilities"), _ABSENT, "capabilities"),
    (_STABLE, (*_SERVER, "resources", "limits"), _ABSENT, "no limit of its memory"),
    (_STABLE, (*_SERVER, "resources", "requests", "cpu"), _ABSENT, "does not say what it needs"),
    (_STABLE, (*_SERVER, "image"), "ghcr.io/octo/shop:latest", "has no digest"),
    (_STABLE, (*_SERVER, "image"), "ghcr.io/octo/shop", "has no digest"),
    (_BASELINE, (*_SERVER, "image"), CANDIDATE, "baseline does not run the champion's image"),
    (_CANARY, (*_SERVER, "image"), CHAMPION, "canary runs the champion's image"),
    (_CANARY, (*_POD, "automountServiceAccountToken"), True, "has a token"),
    ("Job rollout", (*_POD, "automountServiceAccountToken"), False, "lacks a token"),
    (_STABLE, (*_POD, "serviceAccountName"), _ABSENT, "the default service account"),
    (_STABLE, (*_SERVER, "startupProbe"), _ABSENT, "no startup probe"),
    (_STABLE, (*_SERVER, "readinessProbe", "httpGet", "path"), "/v2/health/live", "no readiness"),
    (_STABLE, (*_SERVER, "livenessProbe", "httpGet", "path"), "/v2/health/ready", "no liveness"),
    (_STABLE, (*_SERVER, "lifecycle"), _ABSENT, "before the proxies know"),
    (_STABLE, (*_POD, "terminationGracePeriodSeconds"), 30, "killed while it still answers"),
    (
        _STABLE,
        ("spec", "strategy", "rollingUpdate", "maxUnavailable"),
        "25%",
        "before there are new",
    ),
    (_STABLE, (*_POD, "volumes", 1, "emptyDir", "medium"), _ABSENT, "no /dev/shm in memory"),
    (_STABLE, (*_POD, "volumes", 0), {"name": "log", "emptyDir": {}}, "loses its scoring log"),
    (_STABLE, (*_POD, "topologySpreadConstraints"), _ABSENT, "not spread over hosts"),
    (
        "PodDisruptionBudget server-canary",
        ("spec", "maxUnavailable"),
        2,
        "may lose all its pods to a drain",
    ),
    (
        "PodDisruptionBudget server-stable",
        ("spec", "unhealthyPodEvictionPolicy"),
        _ABSENT,
        "blocks a drain",
    ),
    (_STABLE, ("spec", "replicas"), 3, "resets the replicas"),
    (_CANARY, ("spec", "replicas"), 1, "has only one pod"),
    ("HorizontalPodAutoscaler server-stable", ("spec", "minReplicas"), 1, "has only one pod"),
    (
        "HorizontalPodAutoscaler server-stable",
        ("spec", "scaleTargetRef", "name"),
        "server",
        "stable has no autoscaler",
    ),
    ("NetworkPolicy deny", ("spec", "policyTypes"), ["Ingress"], "closes the network"),
    ("NetworkPolicy server", ("spec", "ingress", 0, "from"), _ABSENT, "lets everybody in"),
    ("NetworkPolicy rollout", ("spec", "egress", 0, "ports"), _ABSENT, "lets everything out"),
    ("NetworkPolicy server", ("spec", "egress"), [{"ports": [{"port": 53}]}], "connect to others"),
    ("Role rollout", ("rules", 0, "resourceNames"), _ABSENT, "Role rollout allows"),
    ("Role rollout", ("rules", 0, "verbs"), ["*"], "Role rollout allows"),
    ("Role rollout", ("rules", 1, "resources"), ["pods", "secrets"], "Role rollout allows"),
    ("Role rollout", ("kind",), "ClusterRole", "in the whole cluster"),
    ("RoleBinding rollout", ("subjects", 0, "name"), "server", "gives its rights to"),
    (
        _STABLE,
        (*_SERVER, "env"),
        [{"name": "SLUICE_TOKEN", "value": "x"}],
        "through its environment",
    ),
    ("ServiceAccount server", ("kind",), "Secret", "Secret server is in the manifests"),
    (
        "Service server-canary",
        ("spec", "selector", "app.kubernetes.io/component"),
        _ABSENT,
        "pods of canary, and no others",
    ),
    ("Service server-stable", ("spec", "ports", 0, "protocol"), _ABSENT, "names no protocol"),
    (
        "Namespace scoring",
        ("metadata", "labels", "pod-security.kubernetes.io/enforce"),
        "baseline",
        "admits pods",
    ),
    ("Job rollout", ("spec", "podFailurePolicy"), _ABSENT, "tries a canary again"),
    ("Job rollout", (*_POD, "restartPolicy"), "OnFailure", "tries a canary again"),
    ("Job rollout", ("spec", "activeDeadlineSeconds"), _ABSENT, "may run for ever"),
    (
        "HTTPRoute scoring",
        ("spec", "rules", 0, "backendRefs", 2, "weight"),
        5,
        "all requests to stable",
    ),
]


@pytest.mark.parametrize(("who", "path", "value", "said"), MUTANTS)
def test_the_policy_refuses(
    canary: list[Object], who: str, path: tuple[str | int, ...], value: Any, said: str
) -> None:
    changed = copy.deepcopy(canary)
    (place,) = [each for each in changed if name(each) == who]
    for key in path[:-1]:
        place = place[key]
    if value is _ABSENT:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert changed != canary
    assert any(said in each for each in complaints(changed)), complaints(changed)


def test_the_policy_accepts_the_unchanged_files(canary: list[Object]) -> None:
    assert complaints(canary) == []


@pytest.mark.parametrize("kind", ["Deployment", "HTTPRoute", "Job", "NetworkPolicy", "Role"])
def test_a_field_that_does_not_exist_is_refused(canary: list[Object], kind: str) -> None:
    changed = copy.deepcopy(next(each for each in canary if each["kind"] == kind))
    validate(changed)
    changed["rules" if kind == "Role" else "spec"] = _misspelt(changed)
    with pytest.raises(Exception, match=r"replica|Additional|unexpected|additional"):
        validate(changed)


def _misspelt(manifest: Object) -> Any:
    if manifest["kind"] == "Role":
        return [{**manifest["rules"][0], "replica": 1}]
    return {**manifest["spec"], "replica": 1}


def test_every_rule_has_a_mutant(canary: list[Object]) -> None:
    """A rule that no mutation violates might check nothing."""
    unproven: set[Callable[..., Any]] = set(RULES)
    for who, path, value, _ in MUTANTS:
        changed = copy.deepcopy(canary)
        (place,) = [each for each in changed if name(each) == who]
        for key in path[:-1]:
            place = place[key]
        if value is _ABSENT:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        unproven -= {rule for rule in unproven if list(rule(changed))}
    assert {rule.__name__ for rule in unproven} == set()


# The kind cluster


@pytest.mark.parametrize("overlay", ["production", "canary"])
def test_the_kind_cluster_differs_in_nothing_that_the_policy_guards(overlay: str) -> None:
    objects = render(FOLDER / "kind" / overlay)
    for each in objects:
        validate(each)
    found = complaints(objects)
    assert found
    assert all(said.endswith("which has no digest") for said in found), found


def test_its_gateway_is_restricted_and_the_traefik_of_production() -> None:
    objects = list(yaml.safe_load_all((FOLDER / "kind/gateway.yaml").read_text()))
    for each in objects:
        validate(each)
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    compose = yaml.safe_load((FOLDER.parent / "compose/compose.yaml").read_text())
    assert pod["containers"][0]["image"] == compose["services"]["proxy"]["image"]
    assert list(pods_are_restricted([deployment])) == []


def _rehearsal() -> Any:
    spec = importlib.util.spec_from_file_location("rehearse", FOLDER / "kind/rehearse.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_rehearsal_only_changes_how_long_the_job_waits() -> None:
    (job,) = [each for each in render(FOLDER / "kind/canary") if each["kind"] == "Job"]
    changed = yaml.safe_load(_rehearsal().with_argument(yaml.safe_dump(job), "--wait=30"))
    command = changed["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[-2:] == ["--folder=/state", "--wait=30"]
    command.pop()
    assert changed == job


def test_the_rehearsal_without_a_package_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _rehearsal().main() == 1
    assert capsys.readouterr().err.startswith("sluice: there is no package in dist/: run make")
