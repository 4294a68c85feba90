"""`sluice rollout rehearse`: a complete rollout on this machine, in minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.config import Rollout
from sluice.package.archive import Package
from sluice.package.verify import verified
from sluice.rollout import compatible, judge, ladder
from sluice.rollout.machine import api, processes
from sluice.rollout.machine.control import Control
from sluice.rollout.machine.slow import slow_seconds
from sluice.rollout.rehearsal import damaged, faults, load, outcome
from sluice.rollout.rehearsal.clients import Plan, Sent
from sluice.rollout.rehearsal.faults import Fault
from sluice.rollout.rehearsal.load import Load
from sluice.rollout.rehearsal.outcome import Outcome
from sluice.rollout.state import State
from sluice.rollout.traffic import confirm
from sluice.rollout.walk import Walk
from sluice.rollout.weights import ALL_STABLE, BASELINE, CANARY, STABLE
from sluice.serve.target import new_token

_PLANT_AT = 20  # the canary's percentage at which a fault is injected into a running server
# Seconds after the rollout: for open requests, and then of further load.
_OPEN, _CALM = 2.5, 2.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pace:
    """The pace of a rehearsal.

    The thresholds of its verdict are always the package's. steps: percentages of the canary.
    interval, deadline: seconds. rate: requests a second.
    """

    steps: tuple[int, ...] = (5, 20, 50)
    interval: float = 1.0
    deadline: float = 60.0
    rate: float = 120.0


def rehearse(
    candidate: Path, champion: Path | None, fault: str | None, say: Say, pace: Pace | None = None
) -> Outcome:
    """Roll a candidate out against a champion; without one, against itself.

    fault: the name of a fault to inject. say: shows one line to the user. Raises SluiceError if the
    rehearsal cannot run.
    """
    faults.named(fault, 0)  # an unknown name is reported before anything is started
    with ExitStack() as stack:
        new = stack.enter_context(verified(candidate))
        old = new if champion is None else stack.enter_context(verified(champion))
        compatible.require(new, old)
        planted = faults.named(fault, slow_seconds(old))
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="sluice-rehearsal-")))
        if planted.damaged:
            new = damaged.copy(new, scratch / "damaged")
        control = Control(scratch / "machine")
        return _Rehearsal(new, old, planted, control, say=say, pace=pace or Pace()).run()


class _Rehearsal:
    def __init__(
        self,
        candidate: Package,
        champion: Package,
        fault: Fault,
        control: Control,
        *,
        say: Say,
        pace: Pace,
    ) -> None:
        self._candidate, self._champion, self._fault = candidate, champion, fault
        self._control, self._say, self._began = control, say, time.time()
        self._pace = pace if fault.rate is None else replace(pace, rate=fault.rate)
        # A damaged model is what the counts of unusual scores must find.
        checks = {} if fault.damaged else {"check": control.check}
        self._walk = Walk(control.folder, control, control, self._watch, control.tend, **checks)
        self._before: State | None = None
        self._planted = False
        self._strays = 0

    def run(self) -> Outcome:
        """Run the rehearsal; in every case, all processes that it started are stopped."""
        began = self._began
        try:
            with ExitStack() as stack:
                callers = self._open(stack)
                first = ladder.begun(
                    self._champion.manifest.version,
                    self._candidate.manifest.version,
                    self._settings(),
                )
                last = self._walk.run(self._walk.begin(first))
                self._settle()
                sent = callers.end()
            serves = self._control.machine.servers[STABLE].version
            self._tell("stopping the servers")
        finally:
            started = self._control.close()
        ended = not any(map(processes.alive, started))
        return self._outcome(last, sent, serves, ended, began)

    def _open(self, stack: ExitStack) -> Load:
        control = self._control
        control.open(0, new_token(), slow_seconds(self._champion))
        self._start(stack, {STABLE: self._champion})
        control.set_weights(ALL_STABLE)
        confirm(control, ALL_STABLE)
        if self._fault.pinned:
            faults.pin(control)
        callers = stack.enter_context(Load(self._plan()))
        self._start(stack, {BASELINE: self._champion, CANARY: self._candidate})
        return callers

    def _start(self, stack: ExitStack, packages: dict[str, Package]) -> None:
        self._control.start_all(
            {arm: (p.folder, p.manifest.version) for arm, p in packages.items()}
        )
        for arm, package in packages.items():
            if arm in self._fault.shims:
                faults.shim(stack, self._control, arm, self._fault.shims[arm])
            self._tell(f"{arm}: {package.manifest.title} is ready")

    def _settings(self) -> Rollout:
        given = self._candidate.settings.rollout.model_dump()
        pace = self._pace
        changed = {
            "steps": list(pace.steps),
            "interval": pace.interval,
            "deadline": pace.deadline,
            "promotion": "automatic",
        }
        return Rollout.model_validate(given | changed)

    def _plan(self) -> Plan:
        machine, fault = self._control.machine, self._fault
        rows = load.records(self._champion)
        header = f"{faults.PINNED_HEADER}: yes"
        return Plan(machine.port, machine.token, self._pace.rate, rows, fault.pinned, header)

    def _watch(self, now: State) -> None:
        before, self._before = self._before, now
        if before is None or before.weights != now.weights or before.phase != now.phase:
            self._tell(f"{now.phase}: {now.weights}")
        due = now.confirmed and now.weights.canary >= _PLANT_AT and now.at_step > 0
        if due and self._fault.plant is not None and not self._planted:
            self._tell(f"injecting the fault {self._fault.name}")
            self._fault.plant(self._control)
            self._planted = True

    def _tell(self, line: str) -> None:
        self._say(f"{time.time() - self._began:5.0f} s  {line}")

    def _settle(self) -> None:
        """Check whether arms without a weight still get requests, then stop their servers."""
        time.sleep(_OPEN)
        before = self._reached()
        time.sleep(_CALM)
        after = self._reached()
        # The proxy drops the counters of an arm that is removed.
        self._strays = sum(max(0, n - before.get(arm, 0)) for arm, n in after.items())
        self._control.stop(BASELINE, CANARY)

    def _reached(self) -> dict[str, int]:
        """Requests to baseline and canary so far, except those of pinned clients."""
        machine = self._control.machine
        counted = api.counted(machine.api, machine.slow)
        arms = [CANARY] if self._fault.pinned else [BASELINE, CANARY]
        return {arm: counted[arm].requests for arm in arms if arm in counted}

    def _outcome(
        self, last: State, sent: list[Sent], serves: str, ended: bool, began: float
    ) -> Outcome:
        settings, logs = last.rollout, self._control.folder / "log"
        return Outcome(
            champion=self._champion.manifest.title,
            candidate=self._candidate.manifest.title,
            fault=self._fault.name,
            expected=self._fault.expected,
            verdict=last.verdict,
            phase=last.phase,
            why=last.why,
            rate=self._pace.rate,
            steps=tuple(settings.steps),
            interval=settings.interval,
            deadline=settings.deadline,
            sent=len(sent),
            unanswered=outcome.unanswered(sent),
            repeated=load.repeated(logs.iterdir()),
            strays=self._strays,
            serves=f"{self._champion.manifest.name} {serves}",
            ended=ended,
            seconds=time.time() - began,
            slowest=max((each.seconds for each in sent), default=0.0),
            judged=ladder.verdict_of(last),
            evidence=judge.evidence(ladder.counts_of(last)),
            rollback_at=judge.rollback_at(settings),
            changes=outcome.since(began, last.changes),
            latencies=outcome.latencies(sent, began),
        )
