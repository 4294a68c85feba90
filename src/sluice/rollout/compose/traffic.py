"""Divides the requests of the containers of deploy/compose. A `Traffic` and a `Switch`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.compose.containers import CANDIDATE, CHAMPION, Containers
from sluice.rollout.counts import Arm
from sluice.rollout.machine import api, proxy
from sluice.rollout.traffic import confirm
from sluice.rollout.weights import ARMS, STABLE, Weights

_STATIC, _ARMS = "traefik/traefik.yaml", "traefik/arms/arms.yaml"
# Ports of this machine, as in compose.yaml.
API, PROMETHEUS = 8081, 9090
_READY_SECONDS, _PAUSE = 120.0, 0.1
_UNUSUAL = "sum by (arm) (sluice_unusual_requests_total)"
_ALL_CANARY = Weights(0, 0, 100)


class _Sample(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Data(msgspec.Struct):
    result: list[_Sample]


class _Answer(msgspec.Struct):
    data: _Data


class ComposeTraffic:
    """slow: seconds from which an answer counts as slow.

    Every method raises SluiceError, whose message is one line.
    """

    def __init__(self, containers: Containers, slow: float) -> None:
        self._containers = containers
        self._slow = self._bucket(slow)

    def set_weights(self, weights: Weights) -> None:
        """Raises SluiceError if Traefik's file does not name the weight of each arm."""
        file = self._containers.folder / _ARMS
        content = files.read_yaml(file)
        try:
            listed = content["http"]["services"][proxy.ARMS_SERVICE]["weighted"]["services"]
            for each in listed:
                each["weight"] = getattr(weights, each["name"])
        except (KeyError, TypeError, AttributeError):
            raise SluiceError(f"{file} does not name the weights of {', '.join(ARMS)}") from None
        files.write(file, proxy.encode(content))

    def applied(self, weights: Weights) -> bool:
        shares = {arm: getattr(weights, arm) for arm in ARMS if getattr(weights, arm)}
        return api.applied(API, proxy.ARMS_SERVICE).weights == shares

    def counts(self) -> Mapping[str, Arm]:
        unusual = self._unusual()
        up = api.applied(API, proxy.ARMS_SERVICE).up
        totals = api.counted(API, self._slow)
        found = {arm: totals.get(arm, api.Counted()) for arm in ARMS if arm in up}
        return {
            arm: Arm(c.requests, c.errors, c.slow, min(c.requests, unusual.get(arm, 0)))
            for arm, c in found.items()
        }

    def wait_for(self, *arms: str) -> None:
        """Wait until the proxy finds the servers of these arms ready."""
        end = time.monotonic() + _READY_SECONDS
        while missing := set(arms) - self._up():
            if time.monotonic() > end:
                raise SluiceError(
                    f"{' and '.join(sorted(missing))} did not become ready within "
                    f"{_READY_SECONDS:g} s: look at docker compose logs"
                )
            time.sleep(_PAUSE)

    def promote(self) -> None:
        """Let the canary serve all requests while the servers of stable get its image."""
        candidate = self._containers.image(CANDIDATE)
        if candidate is None:
            raise SluiceError(f"{self._containers.folder / '.env'} names no CANDIDATE")
        self.set_weights(_ALL_CANARY)
        confirm(self, _ALL_CANARY)
        self._containers.name_image(CHAMPION, candidate)
        self._containers.start(STABLE)
        self.wait_for(STABLE)

    def _up(self) -> frozenset[str]:
        try:
            return api.applied(API, proxy.ARMS_SERVICE).up
        except SluiceError:
            return frozenset()

    def _unusual(self) -> dict[str, int]:
        """The counts by arm at the last scrape of Prometheus, which is the same for all arms."""
        path = f"/api/v1/query?query={quote(_UNUSUAL)}"
        try:
            answer = msgspec.json.decode(api.get(PROMETHEUS, path), type=_Answer)
            return {s.metric.get("arm", ""): int(float(s.value[1])) for s in answer.data.result}
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
            raise SluiceError(f"the answer of Prometheus cannot be read: {error}") from None

    def _bucket(self, slow: float) -> float:
        """The next bound of the proxy's histogram, which counts only at its bounds."""
        file = self._containers.folder / _STATIC
        try:
            found = files.read_yaml(file)["metrics"]["prometheus"]["buckets"]
            return min(float(bound) for bound in found if float(bound) >= slow)
        except (KeyError, TypeError, ValueError):
            raise SluiceError(
                f"{file} has no bucket of at least {slow:g} s, the limit for slow answers: add one"
            ) from None
