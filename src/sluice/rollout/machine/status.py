"""Which version serves which share of the requests, and since when."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sluice.errors import SluiceError
from sluice.rollout import state
from sluice.rollout.machine import processes, record
from sluice.rollout.state import Phase, State
from sluice.rollout.weights import ARMS, CANARY, STABLE
from sluice.verdict import Status


class ArmStatus(msgspec.Struct, frozen=True):
    """One arm. weight: percent of the requests. runs: whether its server is running."""

    arm: str
    version: str
    weight: int
    runs: bool


class RolloutStatus(msgspec.Struct, frozen=True):
    """champion: the version that has the requests of stable. since: when the current weights were
    requested, in seconds since 1970. confirmed: whether the proxy has them. proxy: whether it runs;
    None for containers, which this folder does not know.
    """

    champion: str
    candidate: str
    phase: Phase
    verdict: Status
    why: str
    since: float | None
    confirmed: bool
    proxy: bool | None
    arms: tuple[ArmStatus, ...]


def read(folder: Path) -> RolloutStatus:
    """The status; raises SluiceError if nothing was rolled out in this folder."""
    known, machine = state.read(folder), record.read(folder)
    if known is None:
        raise SluiceError(f"{folder} has no rollout: name its folder with --folder")
    if machine is None:
        return _of_containers(known)
    arms = [
        ArmStatus(
            arm,
            machine.servers[arm].version,
            getattr(machine.weights, arm),
            processes.alive(machine.servers[arm].process),
        )
        for arm in ARMS
        if arm in machine.servers
    ]
    stable = machine.servers.get("stable")
    return RolloutStatus(
        champion=stable.version if stable else known.champion,
        candidate=known.candidate,
        phase=known.phase,
        verdict=known.verdict,
        why=known.why,
        since=known.changes[-1].at if known.changes else None,
        confirmed=known.confirmed and known.weights == machine.weights,
        proxy=machine.proxy is not None and processes.alive(machine.proxy),
        arms=tuple(arms),
    )


def _of_containers(known: State) -> RolloutStatus:
    """The record of a rollout in containers; the containers themselves are not checked."""
    promoted = known.phase is Phase.PROMOTED
    champion = known.candidate if promoted else known.champion
    versions = {CANARY: known.candidate, STABLE: champion}
    arms = [
        ArmStatus(arm, versions.get(arm, known.champion), weight, runs=weight > 0)
        for arm in ARMS
        if (weight := getattr(known.weights, arm))
    ]
    return RolloutStatus(
        champion=champion,
        candidate=known.candidate,
        phase=known.phase,
        verdict=known.verdict,
        why=known.why,
        since=known.changes[-1].at if known.changes else None,
        confirmed=known.confirmed,
        proxy=None,
        arms=tuple(arms),
    )
