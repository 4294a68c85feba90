"""Weights of an HTTPRoute with real parts: Traefik as the gateway, kubectl, and servers under load.

Only the API server is a double.
"""

from __future__ import annotations

import http.client
import itertools
import secrets
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from sluice.errors import SluiceError
from sluice.rollout.kubernetes.api import Api
from sluice.rollout.kubernetes.traffic import ClusterTraffic, Place
from sluice.rollout.weights import ALL_STABLE, ARMS, Weights
from support.fixture_project import Toy
from support.kubernetes.api_double import ROUTES, Cluster, cluster
from support.kubernetes.gateway import NAMESPACE, arms, free_port, gateway, traefik, wait_for
from support.kubernetes.manifests import KUBECTL
from support.serving.payloads import encode
from support.serving.server import RunningServer, running, unpacked


@dataclass
class Load:
    """Clients that send requests through the gateway, each with a unique id."""

    port: int
    body: bytes
    answered: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    name: str = field(default_factory=lambda: f"{secrets.token_hex(4)}-")

    def run(self, client: int) -> None:
        connection: http.client.HTTPConnection | None = None
        for number in itertools.count():
            if self.over.is_set():
                return
            name = f"{self.name}{client}-{number}"
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("POST", "/score", self.body, {"X-Request-ID": name})
                answer = connection.getresponse()
                answer.read()
                (self.answered if answer.status == 200 else self.lost).append(name)
            except (OSError, http.client.HTTPException):
                self.lost.append(name)
                connection = None
            time.sleep(0.01)

    @contextmanager
    def running(self, clients: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=(each,)) for each in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()


@dataclass(frozen=True)
class Site:
    """A gateway with a server of each arm behind it."""

    cluster: Cluster
    servers: dict[str, RunningServer]
    port: int
    body: bytes
    traffic: ClusterTraffic

    def logged(self, load: Load) -> dict[str, list[str]]:
        """The ids of a load's requests that each arm has scored."""
        found = {arm: server.logged() for arm, server in self.servers.items()}
        return {
            arm: [r["x_request_id"] for r in records if r["x_request_id"].startswith(load.name)]
            for arm, records in found.items()
        }

    def kubectl(self, *arguments: str) -> str:
        command = [KUBECTL, "--server", self.cluster.url, "--namespace", NAMESPACE, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture(scope="module")
def shared(built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The shared parts, which take ten seconds to start."""
    package, folder = built("binary").package, tmp_path_factory.mktemp("site")
    content = unpacked(package, folder / "content")
    with ExitStack() as stack:
        servers = {}
        for arm in ARMS:
            (folder / arm).mkdir()
            servers[arm] = stack.enter_context(running(package, folder / arm))
        double = stack.enter_context(cluster())
        port = free_port()
        double.add(*gateway(port), *arms({arm: each.port for arm, each in servers.items()}))
        stack.enter_context(traefik(double, port, folder))
        wait_for(port, folder)
        body = encode({"records": content.rows[:1]})
        place = Place(Api(double.url), NAMESPACE, "scoring", None, 0.1)
        yield Site(double, servers, port, body, ClusterTraffic(place))


@pytest.fixture
def site(shared: Site) -> Site:
    """Everything as a rollout finds it: all requests go to stable."""
    shared.cluster.add(*arms({}))
    apply(shared, ALL_STABLE)
    return shared


def apply(site: Site, weights: Weights) -> float:
    """Set weights and wait until they are applied; returns the seconds that it took."""
    start = time.monotonic()
    site.traffic.set_weights(weights)
    wait_until_applied(site, weights)
    return time.monotonic() - start


def wait_until_applied(site: Site, weights: Weights) -> None:
    end = time.monotonic() + 20
    while not site.traffic.applied(weights):
        assert time.monotonic() < end, site.cluster.store.get(ROUTES, NAMESPACE, "scoring")
        time.sleep(0.01)


def test_weights_change_under_load_without_losing_a_request(
    site: Site, size: Callable[[int, int], int]
) -> None:
    load, before = Load(site.port, site.body), site.traffic.counts()
    steps = itertools.cycle([Weights.at(10), Weights.at(50), ALL_STABLE, Weights.at(25)])
    with load.running(clients=4):
        for weights in itertools.islice(steps, size(12, 100)):
            apply(site, weights)
            time.sleep(0.15)
    assert load.lost == []
    assert len(load.answered) > 100
    logged = site.logged(load)
    scored = Counter(name for names in logged.values() for name in names)
    assert scored == Counter(load.answered)  # each exactly once, whichever arm it went to
    counts = site.traffic.counts()
    grown = {arm: counts[arm].requests - before[arm].requests for arm in ARMS}
    assert grown == {arm: len(logged[arm]) for arm in ARMS}
    assert all(logged.values())


def test_the_arms_get_their_shares(site: Site) -> None:
    apply(site, Weights.at(20))
    time.sleep(1)  # Traefik writes the status a moment before it acts
    before = site.traffic.counts()
    load = Load(site.port, site.body)
    with load.running(clients=2):
        while len(load.answered) < 200:
            time.sleep(0.05)
    after = site.traffic.counts()
    got = {arm: after[arm].requests - before[arm].requests for arm in ARMS}
    total = sum(got.values())
    assert total == len(load.answered)
    for arm, share in {"stable": 0.6, "baseline": 0.2, "canary": 0.2}.items():
        assert abs(got[arm] / total - share) < 0.03, got  # the proxy's round robin is exact


def test_a_change_by_kubectl_in_between_is_kept_and_noticed(site: Site) -> None:
    apply(site, Weights.at(10))
    site.kubectl("label", "httproute", "scoring", "team=credit")
    apply(site, Weights.at(20))
    assert site.kubectl("get", "httproute", "scoring", "-o", "jsonpath={.metadata.labels.team}")
    shown = site.kubectl(
        "get", "httproute", "scoring", "-o", "jsonpath={.spec.rules[0].backendRefs[*].weight}"
    )
    assert shown == "60 20 20"
    patch = '[{"op": "replace", "path": "/spec/rules/0/backendRefs/2/weight", "value": 90}]'
    site.kubectl("patch", "httproute", "scoring", "--type=json", f"--patch={patch}")
    with pytest.raises(SluiceError, match="somebody else has changed the weights"):
        site.traffic.counts()
    apply(site, ALL_STABLE)
    site.traffic.counts()


def test_a_backend_that_does_not_exist_is_what_the_gateway_says(site: Site) -> None:
    apply(site, Weights.at(10))
    site.cluster.store.delete(("", "v1", "services"), NAMESPACE, "server-canary")

    def shift() -> None:
        for step in range(20, 50):  # the gateway may notice it only after the first weights
            site.traffic.set_weights(Weights.at(step))
            wait_until_applied(site, Weights.at(step))

    with pytest.raises(SluiceError, match=r"its gateway says that ResolvedRefs is False"):
        shift()
