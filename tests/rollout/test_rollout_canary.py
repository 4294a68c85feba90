"""`sluice rollout canary --kubernetes` against a double of the cluster: each way that it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sluice.package.archive import Package
from sluice.rollout import judge, traffic, walk
from support.command_line import CommandLine
from support.fixture_project import Ran
from support.kubernetes.api_double import ROUTES, Cluster, cluster
from support.kubernetes.gateway import NAMESPACE, arms, pod
from support.kubernetes.manifests import FOLDER, Object, render
from support.kubernetes.pages import TOKEN, Pages, page

_RATE = 400  # requests a second of each arm


@dataclass(frozen=True)
class Stage:
    """A cluster whose gateway applies weights, and whose servers count requests over time."""

    cluster: Cluster
    pages: Pages
    candidate: Path
    folder: Path
    versions: dict[str, str]
    line: CommandLine

    def serve(self, arm: str, *, internal: float = 0.0, version: str | None = None) -> None:
        """Start a pod of an arm. internal: the share of its requests that fail."""
        start, served = time.monotonic(), version or self.versions[arm]

        def shown() -> str:
            seen = int((time.monotonic() - start) * _RATE)
            return page(seen, fast=seen, internal=int(seen * internal), version=served)

        port, _ = self.pages.start(shown)
        self.cluster.add(pod(arm, port))

    def arguments(self, *more: str) -> list[str]:
        token = self.folder / "token"
        token.write_text(TOKEN)
        at = [f"--api={self.cluster.url}", f"--namespace={NAMESPACE}", f"--token-file={token}"]
        where = [f"--package={self.candidate}", f"--folder={self.folder / 'state'}"]
        return ["rollout", "canary", "--kubernetes", *at, *where, *more]

    def run(self, *more: str) -> Ran:
        return self.line.run(self.folder, *self.arguments(*more))

    def weights(self) -> list[int]:
        """The current weights of stable, baseline and canary in the route."""
        route = self.cluster.store.get(ROUTES, NAMESPACE, "scoring")
        return [each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]]


def _obey(double: Cluster, monkeypatch: pytest.MonkeyPatch, **conditions: str) -> list[list[int]]:
    """Answer every patch with a status, as a gateway does; returns the weights it has seen."""
    patch, seen = double.store.patch, []

    def answered(*arguments: Any) -> Object:
        route = patch(*arguments)
        seen.append([each["weight"] for each in route["spec"]["rules"][0]["backendRefs"]])
        now = route["metadata"]["generation"]
        found = [
            {"type": name, "status": conditions.get(name, "True"), "observedGeneration": now}
            for name in ("Accepted", "ResolvedRefs")
        ]
        return double.store.put(ROUTES, {**route, "status": {"parents": [{"conditions": found}]}})

    monkeypatch.setattr(double.store, "patch", answered)
    return seen


@pytest.fixture
def stage(
    pair: Any,
    opened_pair: tuple[Package, Package],
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Stage]:
    champion, candidate = (each.manifest.version for each in opened_pair)
    versions = {"stable": champion, "baseline": champion, "canary": candidate}
    pages = Pages()
    with cluster() as double:
        double.add(*arms({}))
        try:
            yield Stage(double, pages, pair.candidate, tmp_path, versions, command_line)
        finally:
            pages.stop()


def _ended_with_stable_alone(stage: Stage) -> None:
    assert stage.weights() == [100, 0, 0]


def test_a_healthy_canary_gets_its_steps_and_passes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "LEAST_INTERVALS", 3)
    seen = _obey(stage.cluster, monkeypatch)
    for arm in stage.versions:
        stage.serve(arm)
    ran = stage.run()
    assert ran.status == 0, ran
    assert ran.out.splitlines()[-1] == "promoted: it was promoted"
    assert seen == [[60, 20, 20], [0, 50, 50], [100, 0, 0]]
    _ended_with_stable_alone(stage)


def test_a_canary_that_fails_is_rolled_back_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _obey(stage.cluster, monkeypatch)
    for arm in stage.versions:
        stage.serve(arm, internal=0.5 if arm == "canary" else 0.0)
    ran = stage.run("--json")
    assert ran.status == 1, ran
    assert '"status": "fail"' in ran.out
    assert "rolled back: " in ran.err
    _ended_with_stable_alone(stage)


def test_a_gateway_that_never_takes_the_route_is_one_clear_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "_CONFIRM_SECONDS", 0.3)
    _obey(stage.cluster, monkeypatch, ResolvedRefs="False")
    for arm in stage.versions:
        stage.serve(arm)
    ran = stage.run()
    assert ran.status == 2, ran
    *progress, last = ran.err.strip().splitlines()
    assert "ResolvedRefs is False" in last
    assert "Traceback" not in ran.err
    assert all(line.startswith(("ramp: ", "rolled back: ")) for line in progress)
    _ended_with_stable_alone(stage)


def test_a_gateway_that_says_nothing_is_one_clear_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "_CONFIRM_SECONDS", 0.3)
    for arm in stage.versions:
        stage.serve(arm)
    ran = stage.run()
    assert ran.status == 2, ran
    assert "did not confirm the weights stable 100 %" in ran.err.splitlines()[-1]
    _ended_with_stable_alone(stage)


def test_a_rollout_ends_if_kubectl_apply_has_reset_the_weights(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _obey(stage.cluster, monkeypatch)
    for arm in stage.versions:
        stage.serve(arm)
    monkeypatch.setattr(walk, "_PAUSE", 0.05)

    def interfere() -> None:
        _wait(lambda: stage.weights()[2] > 0)
        time.sleep(1)
        route = stage.cluster.store.get(ROUTES, NAMESPACE, "scoring")
        route["spec"]["rules"][0]["backendRefs"][2]["weight"] = 99
        stage.cluster.store.put(ROUTES, route)

    other = threading.Thread(target=interfere)
    other.start()
    ran = stage.run()
    other.join()
    assert ran.status == 3, ran
    assert "somebody else has changed the weights" in ran.out
    _ended_with_stable_alone(stage)


def test_a_canary_without_a_ready_pod_gets_no_request(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A canary whose image cannot be pulled must get no request and not be promoted."""
    seen = _obey(stage.cluster, monkeypatch)
    for arm in ("stable", "baseline"):
        stage.serve(arm)
    ran = stage.run("--wait=0.2")
    assert ran.status == 2
    assert "canary had no ready pod that answers within 0.2 s" in ran.err
    assert seen == []
    _ended_with_stable_alone(stage)


@pytest.mark.parametrize(
    ("arm", "said"),
    [("canary", "name the same image for the canary"), ("baseline", "both must be the champion")],
)
def test_servers_of_another_version_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, arm: str, said: str
) -> None:
    _obey(stage.cluster, monkeypatch)
    for each in stage.versions:
        stage.serve(each, version="another" if each == arm else None)
    ran = stage.run()
    assert (ran.status, said in ran.err) == (2, True), ran
    _ended_with_stable_alone(stage)


def test_weights_of_a_killed_rollout_are_first_reset(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    _obey(stage.cluster, monkeypatch)
    route = stage.cluster.store.get(ROUTES, NAMESPACE, "scoring")
    route["spec"]["rules"][0]["backendRefs"][2]["weight"] = 50
    stage.cluster.store.put(ROUTES, route)
    ran = stage.run("--wait=0.1")
    assert "had no ready pod" in ran.err
    _ended_with_stable_alone(stage)


def test_a_job_that_is_told_to_end_resets_the_weight(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job gets the signal of `kubectl delete job rollout`."""
    _obey(stage.cluster, monkeypatch)
    for arm in stage.versions:
        stage.serve(arm)
    command = [sys.executable, "-P", "-m", "sluice.cli", *stage.arguments()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        _wait(lambda: stage.weights()[2] > 0)
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 3, stderr
    assert "the rollout was stopped before" in stdout
    _ended_with_stable_alone(stage)


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_outside_of_a_cluster_the_command_says_what_it_needs(stage: Stage) -> None:
    arguments = [each for each in stage.arguments() if not each.startswith("--api")]
    ran = stage.line.run(stage.folder, *arguments, KUBERNETES_SERVICE_HOST="")
    assert ran.status == 2
    assert "this is not a pod with a service account" in ran.err


def test_the_job_of_the_manifests_calls_the_command_as_it_is(stage: Stage) -> None:
    (job,) = [each for each in render(FOLDER / "overlays/canary") if each["kind"] == "Job"]
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    assert command[:3] == ["python", "-m", "sluice.cli"]
    given = [each.replace("/package", str(stage.candidate)) for each in command[3:]]
    given = [each.replace("/state", str(stage.folder / "state")) for each in given]
    ran = stage.line.run(stage.folder, *given, KUBERNETES_SERVICE_HOST="")
    assert ran.status == 2
    assert "this is not a pod with a service account" in ran.err  # all options are known


_LIBRARIES = """\
import sys
from importlib.metadata import packages_distributions
import sluice.rollout.kubernetes.canary, sluice.commands.canary, sluice.config, ruamel.yaml
import prometheus_client.parser
known = packages_distributions()
loaded = {name.split(".")[0] for name in sys.modules} & set(known)
print(*sorted({each for name in loaded for each in known[name]}))
"""


def test_the_image_of_a_package_has_all_libraries_of_the_command() -> None:
    """The image has the libraries of the two locks, and no others."""
    requirements = FOLDER.parents[1] / "requirements"
    locked = {
        _normal(found[1])
        for name in ("serve.txt", "batch.txt")
        for found in re.finditer(r"(?m)^([\w.-]+)==", (requirements / name).read_text())
    }
    command = [sys.executable, "-P", "-c", _LIBRARIES]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    loaded = {_normal(each) for each in done.stdout.split()}
    assert {"pydantic", "msgspec", "numpy", "prometheus-client", "ruamel-yaml"} <= loaded
    # The editable installation of this checkout loads libraries that install packages.
    assert loaded - locked - {"sluice", "setuptools", "editables"} == set()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
