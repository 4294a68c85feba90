"""A canary on a cluster: waits for its servers, then runs the steps up to a verdict."""

from __future__ import annotations

from pathlib import Path

from sluice.errors import SluiceError
from sluice.package.archive import Package
from sluice.rollout import ladder, state
from sluice.rollout.kubernetes.traffic import ClusterTraffic, DeclaredSwitch
from sluice.rollout.state import State
from sluice.rollout.walk import Say, Walk
from sluice.rollout.weights import ALL_STABLE, BASELINE, CANARY, STABLE
from sluice.verdict import Status


def run(traffic: ClusterTraffic, folder: Path, package: Package, seconds: float, say: Say) -> State:
    """Try the candidate; returns the last state. However it ends, stable has all requests.

    folder: where the state of the rollout is kept. package: the candidate. seconds: how long the
    servers may take to become ready. Raises SluiceError if the canary could not start, or if a
    gateway does not confirm that stable has all requests.
    """
    # On a cluster no approval is needed here: a person promotes the canary by applying the
    # manifests.
    settings = package.settings.rollout.model_copy(update={"promotion": "automatic"})
    walk = Walk(folder, traffic, DeclaredSwitch(), say)
    (folder / state.ABORT).unlink(missing_ok=True)
    # An earlier rollout may have been killed.
    traffic.set_weights(ALL_STABLE)
    served = traffic.wait_for_servers(seconds)
    _require_versions(served, package.manifest.version)
    begun = ladder.begun(served[STABLE], served[CANARY], settings)
    try:
        return walk.run(walk.begin(begun))
    except KeyboardInterrupt:
        return walk.stop(
            state.read(folder) or begun,
            Status.INSUFFICIENT,
            "the rollout was stopped before it ended",
        )


def _require_versions(served: dict[str, str], candidate: str) -> None:
    if served[CANARY] != candidate:
        raise SluiceError(
            f"the servers of canary serve {served[CANARY]}, but this package is {candidate}: name "
            "the same image for the canary and the rollout"
        )
    if served[BASELINE] != served[STABLE]:
        raise SluiceError(
            f"the servers of baseline serve {served[BASELINE]}, but those of stable "
            f"{served[STABLE]}: both must be the champion"
        )
