"""Divides the requests of a cluster among the arms. `ClusterTraffic` implements the protocol
`Traffic`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sluice.errors import SluiceError
from sluice.rollout.counts import Arm
from sluice.rollout.kubernetes import pods
from sluice.rollout.kubernetes.api import Api, ConflictError
from sluice.rollout.kubernetes.pods import Counters, Page, Pod, PodList
from sluice.rollout.kubernetes.route import Route
from sluice.rollout.weights import ARMS, Weights

_ATTEMPTS, _PAUSE = 6, 0.05  # seconds after the first conflict, twice as long after each
_READY_PAUSE = 1.0
_SELECTOR = "app.kubernetes.io/name=scoring"


@dataclass(frozen=True)
class Place:
    """Where the arms are on the cluster.

    route: the name of the HTTPRoute. token: the file with the bearer token of the servers. slow:
    seconds from which an answer counts as slow.
    """

    api: Api
    namespace: str
    route: str
    token: Path | None
    slow: float

    @property
    def route_path(self) -> str:
        space, name = quote(self.namespace, safe=""), quote(self.route, safe="")
        return f"/apis/gateway.networking.k8s.io/v1/namespaces/{space}/httproutes/{name}"

    @property
    def pods_path(self) -> str:
        space = quote(self.namespace, safe="")
        return f"/api/v1/namespaces/{space}/pods?labelSelector={quote(_SELECTOR)}"


class ClusterTraffic:
    """The weights of one HTTPRoute, and the counters of the pods behind it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._asked: Weights | None = None
        self._versions: dict[str, set[str]] = {}
        self._counters = Counters(self._page)

    def set_weights(self, weights: Weights) -> None:
        """Try again if another change came first; raises SluiceError after several conflicts."""
        for attempt in range(_ATTEMPTS):
            route = self._route()
            self._asked = weights
            if route.weights() == _by_arm(weights):
                return
            try:
                self._place.api.patch(self._place.route_path, route.patch(weights))
                return
            except ConflictError:
                time.sleep(_PAUSE * 2**attempt)
        raise SluiceError(
            f"HTTPRoute {self._place.route} was changed {_ATTEMPTS} times while its weights were "
            "set: find out what else writes to it"
        )

    def applied(self, weights: Weights) -> bool:
        route = self._route()
        return route.weights() == _by_arm(weights) and route.is_in_effect()

    def counts(self) -> Mapping[str, Arm]:
        self._require_own_weights()
        return self._counters.look(self._pods())

    def wait_for_servers(self, seconds: float) -> dict[str, str]:
        """The version that each arm serves, once all arms have a ready pod that answers.

        Raises SluiceError if an arm has no such pod in time, or if pods of one arm serve different
        versions.
        """
        end = time.monotonic() + seconds
        while missing := [arm for arm in ARMS if arm not in self._look()]:
            if time.monotonic() > end:
                raise SluiceError(
                    f"{' and '.join(missing)} had no ready pod that answers within {seconds:g} s: "
                    f"look at 'kubectl --namespace {self._place.namespace} get pods'"
                )
            time.sleep(_READY_PAUSE)
        for arm, found in self._versions.items():
            if len(found) > 1:
                raise SluiceError(f"the pods of {arm} serve different versions: {_listed(found)}")
        return {arm: next(iter(found)) for arm, found in self._versions.items()}

    def _look(self) -> Mapping[str, Arm]:
        self._versions = {}
        return self._counters.look(self._pods())

    def _page(self, pod: Pod) -> Page | None:
        token = self._place.token
        try:
            given = None if token is None else token.read_text("utf-8").strip()
        except OSError as error:
            raise SluiceError(f"{token} cannot be read: {error.strerror}") from None
        page = pods.read(pod, given, self._place.slow)
        if page is not None and pod.ready:
            self._versions.setdefault(pod.arm, set()).add(page.version)
        return page

    def _require_own_weights(self) -> None:
        """Raise SluiceError if the route does not have the requested weights."""
        if self._asked is None:
            return
        found = self._route().weights()
        if found != _by_arm(self._asked):
            shown = ", ".join(f"{arm} {weight}" for arm, weight in found.items())
            raise SluiceError(
                f"somebody else has changed the weights of HTTPRoute {self._place.route} to {shown}"
            )

    def _route(self) -> Route:
        return self._place.api.get(self._place.route_path, Route)

    def _pods(self) -> list[Pod]:
        return self._place.api.get(self._place.pods_path, PodList).items


class DeclaredSwitch:
    """Promotion on a cluster, where manifests declare what stable runs.

    The rollout returns all requests to stable. A person then applies manifests with the candidate's
    image, and the cluster replaces the servers of stable one by one.
    """

    def promote(self) -> None:
        pass


def _by_arm(weights: Weights) -> dict[str, int]:
    return {arm: getattr(weights, arm) for arm in ARMS}


def _listed(versions: Iterable[str]) -> str:
    return ", ".join(sorted(versions))
