"""Decides the next step of a rollout from the counts of its arms: pure functions without I/O.

The weight of the canary grows step by step. The canary is judged after every interval, on all
intervals so far; the verdict allows for their different weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from sluice.config import Rollout
from sluice.rollout import judge
from sluice.rollout.counts import Arm, Counts, Interval
from sluice.rollout.state import Phase, State
from sluice.rollout.weights import ALL_STABLE, ARMS, BASELINE, CANARY, Weights
from sluice.verdict import Status, Verdict

# The fewest requests of the canary at a step before its weight is raised.
STEP_REQUESTS = 50
# A rollout ends after this many successive readings without a server of canary or baseline.
_ABSENT = 3


class Look(msgspec.Struct, frozen=True):
    """One reading of the counters: the totals of each arm with a server that answers."""

    totals: Mapping[str, Arm]


def begun(champion: str, candidate: str, settings: Rollout) -> State:
    """The state of a rollout that has not yet moved any traffic."""
    return State(champion, candidate, settings.model_dump(mode="json"))


def first_champion(state: State) -> State:
    """The final state of the very first rollout, which has no champion to compare with."""
    why = "this is the first package on this machine"
    return replace(state, phase=Phase.PROMOTED, verdict=Status.INSUFFICIENT, why=why)


def first_step(state: State) -> State:
    """Start or restart at the first step; earlier counts are kept."""
    weights = Weights.at(state.rollout.steps[0])
    return replace(
        state,
        phase=Phase.RAMP,
        step=0,
        at_step=0,
        canary_at_step=0,
        totals=None,
        absent=0,
        weights=weights,
    )


def after(state: State, look: Look) -> State:
    """The state after one more interval, with the weights to request."""
    if state.phase not in (Phase.RAMP, Phase.PASSED):
        return state
    missing = [arm for arm in (CANARY, BASELINE) if arm not in look.totals]
    state = replace(state, absent=state.absent + 1 if missing else 0)
    if state.absent >= _ABSENT:
        return _without(state, missing[0])
    if state.totals is None:
        return replace(state, totals=dict(look.totals))
    interval = _interval(state.totals, look.totals)
    state = replace(
        state,
        intervals=(*state.intervals, interval),
        totals={**state.totals, **look.totals},
        at_step=state.at_step + 1,
        canary_at_step=state.canary_at_step + interval.canary.requests,
    )
    return _judged(state)


def verdict_of(state: State) -> Verdict:
    """The verdict on all intervals so far."""
    return judge.judge(counts_of(state), state.rollout)


def counts_of(state: State) -> Counts:
    """What was counted in every interval so far."""
    return Counts(state.rollout.interval, state.intervals)


def rolled_back(state: State, verdict: Status, why: str) -> State:
    """The final state of a rollout whose canary gets no more requests."""
    return replace(state, phase=Phase.ROLLED_BACK, weights=ALL_STABLE, verdict=verdict, why=why)


def _without(state: State, arm: str) -> State:
    if arm == CANARY:
        return rolled_back(state, Status.FAIL, "the canary has no server that answers")
    why = "the baseline has no server that answers, so the canary cannot be judged"
    return rolled_back(state, Status.INSUFFICIENT, why)


def _judged(state: State) -> State:
    settings, verdict = state.rollout, verdict_of(state)
    state = replace(state, verdict=verdict.status, why=verdict.why)
    if verdict.status is Status.FAIL:
        return rolled_back(state, verdict.status, verdict.why)
    if len(state.intervals) * settings.interval >= settings.deadline:
        left = "nobody approved it" if state.phase is Phase.PASSED else verdict.why
        why = f"no decision within {settings.deadline:g} s: {left}"
        return rolled_back(state, Status.INSUFFICIENT, why)
    if state.phase is Phase.PASSED or not _tried(state):
        return state
    if state.step + 1 == len(settings.steps):
        passed = verdict.status is Status.PASS
        return replace(state, phase=Phase.PASSED) if passed else state
    if not _nothing_against(verdict):
        return state
    weights = Weights.at(settings.steps[state.step + 1])
    return replace(state, step=state.step + 1, at_step=0, canary_at_step=0, weights=weights)


def _tried(state: State) -> bool:
    """Whether the canary was observed for long enough, and with enough requests, at this step."""
    least = math.ceil(judge.LEAST_INTERVALS / len(state.rollout.steps))
    return state.at_step >= least and state.canary_at_step >= STEP_REQUESTS


def _nothing_against(verdict: Verdict) -> bool:
    """Whether the only thing that a promotion still needs is more requests."""
    return all(
        finding.status is Status.PASS or judge.needs_only_requests(finding)
        for finding in verdict.findings
    )


def _interval(before: Mapping[str, Arm], now: Mapping[str, Arm]) -> Interval:
    arms = {arm: _since(before.get(arm, Arm(0)), now.get(arm)) for arm in ARMS}
    return Interval(arms["canary"], arms["baseline"], arms["stable"])


def _since(before: Arm, now: Arm | None) -> Arm:
    """The increase of a counter; one that went backwards was reset to zero in between."""
    if now is None:
        return Arm(0)

    def grown(name: str) -> int:
        was, is_now = getattr(before, name), getattr(now, name)
        return int(is_now - was if is_now >= was else is_now)

    requests = grown("requests")
    return Arm(requests, *(min(requests, grown(name)) for name in ("errors", "slow", "unusual")))
