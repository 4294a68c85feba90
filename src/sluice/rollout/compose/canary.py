"""A canary in the containers of deploy/compose: starts it, runs its steps, and cleans up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sluice.errors import SluiceError
from sluice.package.archive import Package
from sluice.rollout import ladder, state
from sluice.rollout.compose.containers import CANDIDATE, CHAMPION, Containers
from sluice.rollout.compose.traffic import ComposeTraffic
from sluice.rollout.machine.slow import slow_seconds
from sluice.rollout.state import State
from sluice.rollout.walk import Walk
from sluice.rollout.weights import ALL_STABLE, ARMS, BASELINE, CANARY

Say = Callable[[State], None]


def run(containers: Containers, folder: Path, package: Package, image: str, say: Say) -> State:
    """Let an image take over from that of stable; returns the last state.

    folder: where the state of the rollout is kept. package: the package that the image was built
    from. image: the image, named by its digest. After a kill, the same call continues the rollout.
    Raises SluiceError if the canary could not start, or if the proxy does not confirm its weights.
    """
    champion = containers.image(CHAMPION)
    if champion is None:
        raise SluiceError(f"{containers.folder / '.env'} names no CHAMPION: start production first")
    traffic = ComposeTraffic(containers, slow_seconds(package))
    walk = Walk(folder, traffic, traffic, say)
    known = state.read(folder)
    if known is not None and not known.over:
        if known.candidate != image:
            raise SluiceError(
                f"{folder}: the rollout of {known.candidate} has not ended: give that image, or "
                "abort the rollout with 'sluice rollout abort'"
            )
        return _ended(containers, walk.run(walk.resume(known)))
    if champion == image:
        raise SluiceError(f"{image} serves already")
    begun = ladder.begun(champion, image, package.settings.rollout)
    for file in (state.APPROVAL, state.ABORT):  # left by the last rollout
        (folder / file).unlink(missing_ok=True)
    containers.name_image(CANDIDATE, image)
    traffic.set_weights(ALL_STABLE)
    containers.start(BASELINE, CANARY)
    traffic.wait_for(*ARMS)
    return _ended(containers, walk.run(walk.begin(begun)))


def _ended(containers: Containers, last: State) -> State:
    containers.stop(BASELINE, CANARY)
    return last
