"""The pods of the arms: which of them answer, and the counters of their servers."""

from __future__ import annotations

import http.client
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from sluice.errors import SluiceError
from sluice.rollout.counts import Arm
from sluice.rollout.weights import ARMS

_ARM = "app.kubernetes.io/component"
_PORT = "http"
_SECONDS = 3.0
_MOST_BYTES = 4 * 2**20
_AT_ONCE = 16
_MOST = 2.0**53
_ROUTES = ("score", "infer")
# Refused before reaching a route, so these requests are not among those counted by route.
_NOT_COUNTED = "too_many_connections"
# The kinds of sluice_errors_total that scoring requests get with a status of 500 or above.
_FAILURES = ("internal", "log", "queue_full", _NOT_COUNTED)


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    uid: str
    labels: dict[str, str] = {}
    deletion_timestamp: str | None = None


class _Port(msgspec.Struct, rename="camel"):
    container_port: int
    name: str = ""


class _Container(msgspec.Struct):
    ports: list[_Port] = []


class _Spec(msgspec.Struct):
    containers: list[_Container] = []


class _Condition(msgspec.Struct):
    type: str
    status: str


class _Restarts(msgspec.Struct, rename="camel"):
    restart_count: int = 0


class _Status(msgspec.Struct, rename="camel"):
    pod_ip: str = msgspec.field(name="podIP", default="")
    conditions: list[_Condition] = []
    container_statuses: list[_Restarts] = []


class Pod(msgspec.Struct):
    """The parts of a pod that a rollout reads."""

    metadata: _Metadata
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def arm(self) -> str:
        """The arm in the pod's label; empty if it has none."""
        return self.metadata.labels.get(_ARM, "")

    @property
    def port(self) -> int | None:
        """The port of the server; None if the pod does not name it."""
        ports = [port for each in self.spec.containers for port in each.ports]
        return next((port.container_port for port in ports if port.name == _PORT), None)

    @property
    def ready(self) -> bool:
        """Whether the pod gets requests: it is ready and not terminating."""
        ready = any(c.type == "Ready" and c.status == "True" for c in self.status.conditions)
        return ready and self.metadata.deletion_timestamp is None

    @property
    def process(self) -> tuple[str, int]:
        """The identity of the counters, which start again when the container is restarted."""
        return self.metadata.uid, sum(each.restart_count for each in self.status.container_statuses)


class PodList(msgspec.Struct):
    """What the API server answers to a list of pods."""

    items: list[Pod]


@dataclass(frozen=True)
class Page:
    """What one server reports. version: the version of its package."""

    counted: Arm
    version: str


class Counters:
    """Adds up the counters of the servers of each arm.

    read: returns the page of a pod, or None if it does not answer. A counter that is smaller than
    before belongs to a restarted server, and the counts of a removed pod are kept.
    """

    def __init__(self, read: Callable[[Pod], Page | None]) -> None:
        self._read = read
        self._before: dict[tuple[str, int], Arm] = {}
        self._totals: dict[str, Arm] = defaultdict(lambda: Arm(0))

    def look(self, pods: Iterable[Pod]) -> dict[str, Arm]:
        """The totals of each arm that has a ready pod which answers, by `weights.ARMS`."""
        reachable = [pod for pod in pods if pod.arm in ARMS and pod.status.pod_ip and pod.port]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            pages = list(threads.map(self._read, reachable))
        present = set()
        for pod, page in zip(reachable, pages, strict=True):
            if page is None:
                continue
            self._totals[pod.arm] = _sum(self._totals[pod.arm], self._grown(pod, page.counted))
            if pod.ready:
                present.add(pod.arm)
        return {arm: self._totals[arm] for arm in ARMS if arm in present}

    def _grown(self, pod: Pod, now: Arm) -> Arm:
        before = self._before.get(pod.process, Arm(0))
        self._before[pod.process] = now
        if now.requests < before.requests:
            return now
        return Arm(*(max(0, getattr(now, f) - getattr(before, f)) for f in Arm.__struct_fields__))


def read(pod: Pod, token: str | None, slow: float) -> Page | None:
    """Request the metrics of a pod; None without a valid answer.

    token: the bearer token of the servers. slow: seconds from which an answer counts as slow; the
    next bound of the histogram above it is used.
    """
    connection = http.client.HTTPConnection(pod.status.pod_ip, pod.port, timeout=_SECONDS)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        content = response.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if response.status in (401, 403):
        raise SluiceError(
            f"pod {pod.metadata.name} refuses the token: rollout and servers must have the same one"
        )
    if response.status != 200:
        return None
    try:
        return parse(content.decode("utf-8"), slow)
    except (ValueError, KeyError, OverflowError):
        return None


def parse(page: str, slow: float) -> Page:
    """Read a page of metrics.

    Raises ValueError, KeyError or OverflowError if it is not valid.
    """
    from prometheus_client.parser import text_string_to_metric_families

    samples = [s for family in text_string_to_metric_families(page) for s in family.samples]

    def total(name: str, label: str = "", *values: str) -> int:
        found = [s for s in samples if s.name == name]
        value = sum(s.value for s in found if not label or s.labels.get(label) in values)
        if not 0 <= value <= _MOST:
            raise ValueError(f"{name} cannot be {value}")
        return int(value)

    times = [s for s in samples if s.name == "sluice_request_duration_seconds_bucket"]
    above = [bound for s in times if (bound := float(s.labels["le"])) >= slow]
    fast = int(sum(s.value for s in times if float(s.labels["le"]) == min(above)))
    timed = total("sluice_request_duration_seconds_count")
    requests = total("sluice_requests_total", "route", *_ROUTES)
    requests += total("sluice_errors_total", "kind", _NOT_COUNTED)
    errors = total("sluice_errors_total", "kind", *_FAILURES)
    unusual = total("sluice_unusual_requests_total")
    versions = {s.labels["version"] for s in samples if s.name == "sluice_requests_total"}
    if len(versions) != 1:
        raise ValueError("expected the counters of one version")
    counted = (errors, timed - fast, unusual)
    return Page(Arm(requests, *(min(requests, each) for each in counted)), versions.pop())


def _sum(one: Arm, other: Arm) -> Arm:
    return Arm(*(getattr(one, field) + getattr(other, field) for field in Arm.__struct_fields__))
