"""The steps of a rollout for any sequence of counter readings."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.config import Rollout
from sluice.rollout import ladder
from sluice.rollout.counts import Arm
from sluice.rollout.ladder import Look
from sluice.rollout.state import Phase, State
from sluice.rollout.weights import ALL_STABLE, Weights
from sluice.verdict import Status

COUNT = st.integers(0, 3_000)


@st.composite
def arms(draw: Any) -> Arm:
    requests = draw(COUNT)
    return Arm(requests, *(draw(st.integers(0, requests // 10)) for _ in range(3)))


LOOKS = st.lists(
    st.dictionaries(st.sampled_from(("stable", "baseline", "canary")), arms(), min_size=1),
    max_size=50,
)


def begun(**given: Any) -> State:
    return ladder.first_step(ladder.begun("old", "new", Rollout.model_validate(given)))


def walked(state: State, looks: list[Look]) -> list[State]:
    states = [state]
    for look in looks:
        states.append(ladder.after(states[-1], look))
    return states


def steady(looks: int, canary: tuple[int, int] = (200, 0), base: tuple[int, int] = (200, 0)) -> Any:
    """Totals of each arm that grow by these (requests, errors) at every reading."""
    return [
        Look(
            {
                "canary": Arm(canary[0] * n, canary[1] * n),
                "baseline": Arm(base[0] * n, base[1] * n),
                "stable": Arm(1_000 * n, 5 * base[1] * n),
            }
        )
        for n in range(looks)
    ]


@settings(max_examples=60, deadline=None)
@given(LOOKS)
def test_the_weights_are_valid_for_any_counts(looks: list[dict[str, Arm]]) -> None:
    states = walked(begun(steps=[5, 20, 50], deadline=400), [Look(totals) for totals in looks])
    for before, after in pairwise(states):
        assert after.weights.canary == after.weights.baseline
        # The weight grows by at most one step at a time, and never after the end.
        assert after.step - before.step in (0, 1)
        if before.over:
            assert after == before
        if after.phase is Phase.ROLLED_BACK:
            assert after.weights == ALL_STABLE
            assert after.verdict is not Status.PASS
        elif after.phase is Phase.RAMP:
            assert after.weights == Weights.at(after.rollout.steps[after.step])
        if len(after.intervals) * after.rollout.interval >= 400:
            assert after.over


def test_a_healthy_canary_climbs_every_step_and_passes() -> None:
    states = walked(begun(steps=[5, 20, 50]), steady(45))
    shares = [state.weights.canary for state in states]
    assert sorted(set(shares)) == [5, 20, 50]
    assert shares == sorted(shares)
    assert states[-1].phase is Phase.PASSED
    passed = next(state for state in states if state.phase is Phase.PASSED)
    assert len(passed.intervals) >= 30
    assert passed.weights == Weights.at(50)


def test_a_canary_with_more_errors_is_rolled_back_and_stays_there() -> None:
    last = walked(begun(), steady(60, canary=(200, 12), base=(200, 2)))[-1]
    assert (last.phase, last.verdict, last.weights) == (
        Phase.ROLLED_BACK,
        Status.FAIL,
        ALL_STABLE,
    )
    assert "errors compared with the baseline" in last.why
    assert len(last.intervals) < 30


def test_no_rollback_if_the_baseline_has_as_many_errors() -> None:
    states = walked(begun(deadline=300), steady(60, canary=(200, 8), base=(200, 8)))
    assert all(state.verdict is not Status.FAIL for state in states)


def test_too_few_requests_hold_the_weight_until_the_deadline() -> None:
    looks = steady(60, canary=(1, 0), base=(1, 0))
    states = walked(begun(deadline=300), looks)
    held = [state for state in states if not state.over]
    assert {state.weights for state in held} == {Weights.at(1)}
    assert (states[-1].phase, states[-1].verdict) == (Phase.ROLLED_BACK, Status.INSUFFICIENT)
    assert "no decision within 300 s" in states[-1].why


def test_unequal_shares_hold_the_weight() -> None:
    states = walked(begun(), steady(40, canary=(100, 0), base=(200, 0)))
    assert {state.weights for state in states} == {Weights.at(1)}
    assert "equal shares" in states[-1].why


@pytest.mark.parametrize(
    ("arm", "verdict"), [("canary", Status.FAIL), ("baseline", Status.INSUFFICIENT)]
)
def test_an_arm_without_a_server_ends_the_rollout(arm: str, verdict: Status) -> None:
    looks = steady(10)
    gone = [Look({name: n for name, n in look.totals.items() if name != arm}) for look in looks]
    assert not walked(begun(), [*looks[:5], *gone[5:7], *looks[7:]])[-1].over
    last = walked(begun(), [*looks[:5], *gone[5:8]])[-1]
    assert (last.phase, last.verdict, last.weights) == (
        Phase.ROLLED_BACK,
        verdict,
        ALL_STABLE,
    )
    assert f"the {arm} has no server that answers" in last.why


def test_counters_that_go_backwards_were_restarted() -> None:
    looks = [*steady(5), *steady(5)[1:]]
    last = walked(begun(), looks)[-1]
    assert [interval.canary.requests for interval in last.intervals] == [200] * 8


def test_a_passed_canary_that_nobody_approves_is_rolled_back_at_the_deadline() -> None:
    last = walked(begun(steps=[50], deadline=600), steady(70))[-1]
    assert (last.phase, last.verdict) == (Phase.ROLLED_BACK, Status.INSUFFICIENT)
    assert "nobody approved it" in last.why


def test_a_passed_canary_is_still_watched() -> None:
    good = steady(45)
    passed = walked(begun(steps=[50]), good)[-1]
    assert passed.phase is Phase.PASSED
    end = good[-1].totals
    worse = [
        Look(
            {
                "canary": Arm(end["canary"].requests + 200 * n, 60 * n),
                "baseline": Arm(end["baseline"].requests + 200 * n, 0),
                "stable": Arm(end["stable"].requests + 10 * n, 0),
            }
        )
        for n in range(1, 4)
    ]
    assert walked(passed, worse)[-1].phase is Phase.ROLLED_BACK
