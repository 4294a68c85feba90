"""Runs a rollout step by step: reads the counters, requests weights, and records both.

Every change is recorded before it is requested and after it is confirmed, so that a killed rollout
knows what is uncertain. In case of doubt, the canary's weight is first set to 0.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from sluice.errors import SluiceError
from sluice.rollout import ladder, state
from sluice.rollout.counts import Arm
from sluice.rollout.state import Change, Phase, State
from sluice.rollout.traffic import Switch, Traffic, confirm
from sluice.rollout.weights import ALL_STABLE, Weights
from sluice.verdict import Status

_ATTEMPTS, _PAUSE = 3, 0.5  # attempts to read the counters
_LISTEN_PAUSE = 0.2  # seconds between two checks for a request to abort
_CHECK_SECONDS = 60.0  # at most, between two checks of the canary's answers

Say = Callable[[State], None]


@dataclass
class Walk:
    """One rollout in one folder.

    say: called with the state after every reading and every change. tend: called often, to keep the
    proxy running. check: what is wrong with the canary's answers; empty if nothing is.
    """

    folder: Path
    traffic: Traffic
    switch: Switch
    say: Say = field(default=lambda _: None)
    tend: Callable[[], None] = field(default=lambda: None)
    check: Callable[[], str] = field(default=lambda: "")
    _checked: float = field(default=-math.inf, init=False)
    _looked: float = field(default_factory=time.monotonic, init=False)

    def begin(self, begun: State) -> State:
        """Record a new rollout and give its canary the first weight, if its answers are right."""
        if wrong := self._wrong():
            return self.stop(begun, Status.FAIL, wrong)
        return self._apply(begun, ladder.first_step(begun), "the rollout starts")

    def resume(self, known: State) -> State:
        """Continue where another process stopped; if it stopped at a change of the weights, the
        canary's weight becomes 0 first.
        """
        if known.phase is Phase.SWITCHING:
            return known
        if known.confirmed and self._holds(known.weights):
            return known
        if known.over:
            return self._set(known, known.weights, known.why)
        stopped = self._set(known, ALL_STABLE, "the rollout was interrupted at a change")
        return self._apply(
            stopped, ladder.first_step(stopped), "the rollout restarts at the first step"
        )

    def run(self, current: State) -> State:
        """Run until the canary is promoted or rolled back; returns the last state.

        Raises SluiceError if even the weight 0 could not be confirmed.
        """
        while not current.over:
            if current.phase is Phase.SWITCHING:
                return self._switched(current)
            current = self._step(current)
        return current

    def _step(self, current: State) -> State:
        if self._aborted(current.rollout.interval):
            return self.stop(current, Status.INSUFFICIENT, state.why_aborted(self.folder))
        if current.phase is Phase.PASSED and self._approved(current):
            if wrong := self._wrong():
                return self.stop(current, Status.FAIL, wrong)
            return self._record(replace(current, phase=Phase.SWITCHING, why="it is promoted"))
        try:
            following = ladder.after(current, ladder.Look(self._counts()))
        except SluiceError as error:
            return self.stop(current, Status.INSUFFICIENT, str(error))
        more = (following.weights, following.phase) != (current.weights, current.phase)
        due = more or time.monotonic() - self._checked > _CHECK_SECONDS
        if due and not following.over and (wrong := self._wrong()):
            return self.stop(following, Status.FAIL, wrong)
        return self._apply(current, following, following.why)

    def _wrong(self) -> str:
        self._checked = time.monotonic()
        wrong = self.check()
        return wrong and f"the canary was sent recorded rows: {wrong}"

    def stop(self, current: State, verdict: Status, why: str) -> State:
        """Give the canary the weight 0 permanently."""
        return self._apply(current, ladder.rolled_back(current, verdict, why), why)

    def record(self, current: State, weights: Weights) -> State:
        """Record a state reached without the steps of a canary, and confirm its weights."""
        return self._set(current, weights, current.why)

    def _switched(self, current: State) -> State:
        try:
            self.switch.promote()
        except SluiceError as error:
            return self.stop(current, Status.INSUFFICIENT, f"the switch failed: {error}")
        done = replace(current, phase=Phase.PROMOTED, verdict=Status.PASS, why="it was promoted")
        return self._set(done, ALL_STABLE, done.why)

    def _approved(self, current: State) -> bool:
        automatic = current.rollout.promotion == "automatic"
        return automatic or (self.folder / state.APPROVAL).exists()

    def _aborted(self, seconds: float) -> bool:
        """Wait one interval after the last reading; returns early if an abort is requested."""
        end = self._looked = max(self._looked + seconds, time.monotonic())
        while not (self.folder / state.ABORT).exists():
            left = end - time.monotonic()
            if left <= 0:
                return False
            with suppress(SluiceError):
                self.tend()
            time.sleep(min(left, _LISTEN_PAUSE))
        return True

    def _counts(self) -> Mapping[str, Arm]:
        for attempt in range(_ATTEMPTS):
            try:
                return self.traffic.counts()
            except SluiceError:
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(_PAUSE)
        raise AssertionError

    def _apply(self, before: State, following: State, why: str) -> State:
        """Record a state, and request its weights if they have changed."""
        if following.weights == before.weights and before.confirmed and not following.over:
            return self._record(following)
        try:
            return self._set(following, following.weights, why)
        except SluiceError as error:
            if following.over:
                raise
            return self.stop(following, Status.INSUFFICIENT, str(error))

    def _set(self, current: State, weights: Weights, why: str) -> State:
        change = Change(time.time(), len(current.intervals), weights, why)
        current = replace(
            current, weights=weights, confirmed=False, changes=(*current.changes, change)
        )
        self._record(current)
        self.traffic.set_weights(weights)
        confirm(self.traffic, weights)
        return self._record(replace(current, confirmed=True))

    def _holds(self, weights: Weights) -> bool:
        try:
            return self.traffic.applied(weights)
        except SluiceError:
            return False

    def _record(self, current: State) -> State:
        state.write(self.folder, current)
        self.say(current)
        return current
