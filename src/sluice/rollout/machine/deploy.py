"""One package takes over production on this machine; the first one starts it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from sluice.errors import SluiceError
from sluice.package.archive import Package, opened, unpack
from sluice.package.verify import verified
from sluice.rollout import compatible, ladder, state
from sluice.rollout.machine import record
from sluice.rollout.machine.control import OLD, Control
from sluice.rollout.machine.slow import slow_seconds
from sluice.rollout.machine.withdraw import watched
from sluice.rollout.state import Phase, State
from sluice.rollout.walk import Walk
from sluice.rollout.weights import ALL_STABLE, BASELINE, CANARY, STABLE
from sluice.verdict import Status

_PACKAGES = "packages"
_READY_SECONDS, _PAUSE = 20.0, 0.1
_ABORT_SECONDS = 30.0

Say = Callable[[State], None]


def deploy(
    folder: Path, file: Path, port: int, token: str, say: Say, *, wait: bool = False
) -> State:
    """Roll out a package, or continue its rollout; returns the last state.

    folder: where production on this machine keeps its state. file: the package. port, token: what
    callers use; only the first rollout reads them. wait: wait for an approval once the canary has
    passed, regardless of the package's settings. Raises SluiceError.
    """
    with state.locked(folder) as mine:
        if not mine:
            raise SluiceError(
                f"{folder}: another rollout is in progress: see 'sluice rollout status'"
            )
        with verified(file) as package:
            version = package.manifest.version
            unpacked = _kept(folder, file, version)
        known, control = state_of(folder), Control(folder)
        if not _serves(control):
            return _first(control, unpacked, port, token, say)
        control.restore()
        if known is not None and not known.over and known.candidate != version:
            raise SluiceError(
                f"{folder}: the rollout of {known.candidate} has not ended: abort it first with "
                "'sluice rollout abort'"
            )
        with watched(control):
            if known is None or known.over:
                return _roll_out(control, known, unpacked, say, wait=wait)
            return _resume(control, known, unpacked, say)


def state_of(folder: Path) -> State | None:
    """The state of the last rollout. If it cannot be read, the canary gets no more requests."""
    with watched(Control(folder)):
        return state.read(folder)


def abort(folder: Path) -> State:
    """Send all requests back to the champion at once; returns the last state."""
    known = _known(folder)
    if known.over:
        raise SluiceError(f"{folder}: no rollout is in progress: its state is {known.phase}")
    (folder / state.ABORT).touch()
    try:
        end = time.monotonic() + _ABORT_SECONDS
        while time.monotonic() < end:
            with state.locked(folder) as mine:
                known = _known(folder)
                if mine and not known.over:
                    return _stopped(folder, known)
                if known.over:
                    return known
            time.sleep(_PAUSE)
        Control(folder).set_weights(ALL_STABLE)
        raise SluiceError(
            f"{folder}: the process of this rollout does not answer; the canary was given the "
            "weight 0, but stop that process before you continue"
        )
    finally:
        (folder / state.ABORT).unlink(missing_ok=True)


def back(folder: Path, say: Say) -> State:
    """Let the previous champion take over again; returns the last state."""
    with state.locked(folder) as mine:
        if not mine:
            raise SluiceError(
                f"{folder}: a rollout is in progress: abort it with 'sluice rollout abort'"
            )
        known = _known(folder)
        if known.phase is not Phase.PROMOTED or known.champion == known.candidate:
            raise SluiceError(f"{folder}: there is no promotion to roll back: {known.why}")
        former = folder / _PACKAGES / known.champion
        control = Control(folder)
        control.restore()
        with opened(former) as package:
            control.replace_stable(package.folder, known.champion)
        done = ladder.rolled_back(known, Status.INSUFFICIENT, "a person rolled the promotion back")
        walk = Walk(folder, control, control, say)
        return walk.record(done, ALL_STABLE)


def switch(folder: Path, file: Path, why: str, say: Say) -> State:
    """Let a package take over all requests at once, without a canary; returns the last state.

    Use it for a version that has served before. After a kill, it can be called again. Raises
    SluiceError if the package cannot take over; the current champion then continues.
    """
    with state.locked(folder) as mine:
        if not mine:
            raise SluiceError(
                f"{folder}: a rollout is in progress: abort it with 'sluice rollout abort'"
            )
        with verified(file) as package:
            version, settings = package.manifest.version, package.settings.rollout
            unpacked = _kept(folder, file, version)
        control = Control(folder)
        control.restore()
        left = serves(control)
        control.replace_stable(unpacked, version)
        begun = ladder.begun(version, left, settings)
        done = ladder.rolled_back(begun, Status.INSUFFICIENT, why)
        return Walk(folder, control, control, say).record(done, ALL_STABLE)


def serves(control: Control) -> str:
    """The version that has the requests of stable; during a switch, the one being replaced."""
    servers = control.machine.servers
    return servers.get(OLD, servers[STABLE]).version


def _serves(control: Control) -> bool:
    """Whether the folder has a champion, according to its record."""
    with watched(control):
        return record.read(control.folder) is not None and STABLE in control.machine.servers


def _first(control: Control, package: Path, port: int, token: str, say: Say) -> State:
    with opened(package) as opened_package:
        version = opened_package.manifest.version
        if record.read(control.folder) is None:
            control.open(port, token, slow_seconds(opened_package))
        control.start(STABLE, package, version)
        begun = ladder.begun(version, version, opened_package.settings.rollout)
    walk = Walk(control.folder, control, control, say)
    return walk.record(ladder.first_champion(begun), ALL_STABLE)


def _roll_out(
    control: Control, known: State | None, package: Path, say: Say, *, wait: bool
) -> State:
    champion = control.machine.servers[STABLE]
    with opened(Path(champion.package)) as old, opened(package) as new:
        compatible.require(new, old)
        if new.manifest.version == champion.version:
            if known is None:
                raise SluiceError(f"{champion.version} already has all requests")
            return known
        settings = new.settings.rollout
        if wait:
            settings = settings.model_copy(update={"promotion": "approval"})
        begun = ladder.begun(champion.version, new.manifest.version, settings)
        _start_arms(control, old, new)
    for file in (state.APPROVAL, state.ABORT):  # left by the last rollout
        (control.folder / file).unlink(missing_ok=True)
    walk = Walk(control.folder, control, control, say, control.tend, control.check)
    return _end(control, walk, walk.begin(begun))


def _resume(control: Control, known: State, package: Path, say: Say) -> State:
    walk = Walk(control.folder, control, control, say, control.tend, control.check)
    if known.phase is Phase.SWITCHING:
        return _end(control, walk, known)
    servers = control.machine.servers
    if BASELINE in servers and CANARY in servers:
        return _end(control, walk, walk.resume(known))
    known = walk.record(known, ALL_STABLE)
    with opened(Path(servers[STABLE].package)) as old, opened(package) as new:
        _start_arms(control, old, new)
    return _end(control, walk, walk.begin(known))


def _start_arms(control: Control, old: Package, new: Package) -> None:
    control.stop(BASELINE, CANARY)
    packages = {BASELINE: old, CANARY: new}
    control.start_all({arm: (p.folder, p.manifest.version) for arm, p in packages.items()})


def _end(control: Control, walk: Walk, current: State) -> State:
    last = walk.run(current)
    control.stop(BASELINE, CANARY)
    return last


def _stopped(folder: Path, known: State) -> State:
    control = Control(folder)
    with watched(control):
        why = "a person aborted it"
        last = Walk(folder, control, control).stop(known, Status.INSUFFICIENT, why)
        control.stop(BASELINE, CANARY)
    return last


def _known(folder: Path) -> State:
    known = state_of(folder)
    if known is None:
        raise SluiceError(f"{folder} has no rollout: name its folder with --folder")
    return known


def _kept(folder: Path, file: Path, version: str) -> Path:
    """The unpacked package, which is kept so that a rollback needs no download."""
    target = (folder / _PACKAGES / version).resolve()
    if not target.is_dir():
        unfinished = target.with_name(f"{version}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        unpack(file, unfinished)
        unfinished.rename(target)
    return target
