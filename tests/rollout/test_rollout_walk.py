"""The state after a killed rollout, a dead proxy, and an abort by a person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sluice.config import Rollout
from sluice.errors import SluiceError
from sluice.rollout import ladder, state, walk
from sluice.rollout.counts import Arm
from sluice.rollout.state import Phase, State
from sluice.rollout.walk import Walk
from sluice.rollout.weights import ALL_STABLE, Weights
from sluice.verdict import Status

SETTINGS = {"steps": [5, 50], "interval": 1, "promotion": "automatic"}


class KilledError(BaseException):
    """Simulates the end of the process: nothing after this point runs."""


class Proxy:
    """Divides requests as requested, and kills its caller at the nth call."""

    def __init__(self, folder: Path, kill_at: int | None = None) -> None:
        self.folder, self.kill_at = folder, kill_at
        self.weights, self.calls, self.looks, self.switches = ALL_STABLE, 0, 0, 0
        self.history: list[Weights] = []
        self.dead = self.deaf = False

    def _call(self) -> None:
        self.calls += 1
        if self.calls == self.kill_at:
            raise KilledError
        if self.dead:
            raise SluiceError("the proxy does not respond")

    def set_weights(self, weights: Weights) -> None:
        recorded = state.read(self.folder)
        # Weights are written to disk before they are requested.
        assert recorded is not None
        assert (recorded.weights, recorded.confirmed) == (weights, False)
        self._call()
        if not self.deaf:
            self.weights = weights
            self.history.append(weights)
        self._call()

    def applied(self, weights: Weights) -> bool:
        self._call()
        return self.weights == weights

    def counts(self) -> Mapping[str, Arm]:
        self.looks += 1
        if self.looks < 3:  # later readings are all alike
            self._call()
        if self.dead:
            raise SluiceError("the proxy does not respond")
        return {arm: Arm(500 * self.looks) for arm in ("stable", "baseline", "canary")}

    def promote(self) -> None:
        self._call()
        self.switches += 1
        self._call()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(walk.time, "sleep", sleep)
    monkeypatch.setattr(walk.time, "monotonic", lambda: clock[0])


def first(**given: Any) -> State:
    return ladder.begun("old", "new", Rollout.model_validate({**SETTINGS, **given}))


def walked(folder: Path, proxy: Proxy, begun: State | None = None) -> State:
    """Start, or continue from the state on disk."""
    known, whole = state.read(folder), Walk(folder, proxy, proxy)
    return whole.run(whole.begin(begun or first()) if known is None else whole.resume(known))


def test_a_healthy_canary_is_promoted(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    last = walked(tmp_path, proxy)
    assert (last.phase, last.verdict, last.confirmed) == (Phase.PROMOTED, Status.PASS, True)
    assert proxy.history == [Weights.at(5), Weights.at(50), ALL_STABLE]
    assert proxy.switches == 1
    assert state.read(tmp_path) == last


def test_a_rollout_that_is_killed_at_any_point_continues_safely(tmp_path: Path) -> None:
    whole = Proxy(tmp_path / "whole")
    walked(tmp_path / "whole", whole)
    for moment in range(1, whole.calls + 1):
        folder = tmp_path / str(moment)
        proxy = Proxy(folder, moment)
        with pytest.raises(KilledError):
            walked(folder, proxy)
        recorded = state.read(folder)
        assert recorded is not None
        sure = recorded.confirmed and recorded.weights == proxy.weights
        history = len(proxy.history)
        last = walked(folder, proxy)
        after = proxy.history[history:]
        if not sure:
            # The first request of the process that continues the rollout.
            assert after[0].canary == 0, moment
        assert (last.phase, proxy.weights) == (Phase.PROMOTED, ALL_STABLE), moment
        assert proxy.switches in (1, 2)
        assert state.read(folder) == last


def test_after_a_dead_proxy_the_recorded_weight_is_0(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    walk_ = Walk(tmp_path, proxy, proxy)
    begun = walk_.begin(first())
    proxy.dead = True
    with pytest.raises(SluiceError, match="the proxy does not respond"):
        walk_.run(begun)
    recorded = state.read(tmp_path)
    assert recorded is not None
    assert (recorded.phase, recorded.weights) == (Phase.ROLLED_BACK, ALL_STABLE)
    assert not recorded.confirmed
    proxy.dead = False
    last = walked(tmp_path, proxy)
    assert (last.confirmed, proxy.weights) == (True, ALL_STABLE)


def test_weights_that_the_proxy_does_not_apply_end_the_rollout(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    proxy.deaf = True
    last = walked(tmp_path, proxy)
    assert (last.phase, last.verdict, proxy.weights) == (
        Phase.ROLLED_BACK,
        Status.INSUFFICIENT,
        ALL_STABLE,
    )
    assert "did not confirm the weights stable 90 %" in last.why


def test_between_two_readings_stopped_processes_are_restarted(tmp_path: Path) -> None:
    proxy, times = Proxy(tmp_path), 0

    def tend() -> None:
        nonlocal times
        times += 1
        raise SluiceError("it could not be started")

    Walk(tmp_path, proxy, proxy, tend=tend).run(Walk(tmp_path, proxy, proxy).begin(first()))
    assert times >= 4 * proxy.looks  # each look waits for a second, and listens every 0.2 s


def test_a_person_aborts(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    walk_ = Walk(tmp_path, proxy, proxy)
    begun = walk_.begin(first())
    (tmp_path / state.ABORT).touch()
    last = walk_.run(begun)
    assert (last.phase, last.why, proxy.weights) == (
        Phase.ROLLED_BACK,
        "a person aborted it",
        ALL_STABLE,
    )


def test_without_approval_nothing_is_switched(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    last = walked(tmp_path, proxy, first(promotion="approval", deadline=60))
    assert (last.phase, proxy.switches) == (Phase.ROLLED_BACK, 0)
    assert "nobody approved it" in last.why


def test_an_approval_starts_the_switch(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    (tmp_path / state.APPROVAL).touch()
    assert walked(tmp_path, proxy, first(promotion="approval")).phase is Phase.PROMOTED


def test_a_switch_that_fails_is_rolled_back(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)

    def fail() -> None:
        raise SluiceError("the server ended before it was ready")

    proxy.promote = fail  # type: ignore[method-assign]
    last = walked(tmp_path, proxy)
    assert (last.phase, proxy.weights) == (Phase.ROLLED_BACK, ALL_STABLE)
    assert "the switch failed: the server ended" in last.why


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"champion": 1}', b"\xff", b'{"champion":"a","candidate":"b"}']
)
def test_an_unreadable_state_is_reported_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / state.STATE).write_bytes(content)
    with pytest.raises(SluiceError, match="not the state of a rollout") as refused:
        state.read(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_state_with_impossible_weights_is_refused(tmp_path: Path) -> None:
    state.write(tmp_path, first())
    path = tmp_path / state.STATE
    path.write_text(path.read_text().replace('"stable": 100', '"stable": 120'))
    with pytest.raises(SluiceError, match="add up to 100"):
        state.read(tmp_path)


def test_only_one_process_runs_a_rollout(tmp_path: Path) -> None:
    with state.locked(tmp_path) as mine, state.locked(tmp_path) as theirs:
        assert (mine, theirs) == (True, False)
    with state.locked(tmp_path) as again:
        assert again


def test_a_finished_rollout_is_not_restarted(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path)
    last = walked(tmp_path, proxy)
    calls = len(proxy.history)
    assert walked(tmp_path, proxy) == last
    assert len(proxy.history) == calls


def test_the_canary_answers_right_before_it_gets_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are checked at the start, before each raise and the switch, and once a minute."""
    monkeypatch.setattr(walk, "_CHECK_SECONDS", math.inf)
    proxy, asked = Proxy(tmp_path / "right"), list[tuple[Weights, Phase | None]]()

    def check() -> str:
        known = state.read(proxy.folder)
        asked.append((proxy.weights, known and known.phase))
        return "its answers cannot be read" if len(asked) == wrong_at else ""

    def walk_it() -> State:
        asked.clear()
        whole = Walk(proxy.folder, proxy, proxy, check=check)
        return whole.run(whole.begin(first()))

    wrong_at = 0
    assert walk_it().phase is Phase.PROMOTED
    every = list(asked)
    assert every[0] == (ALL_STABLE, None)
    assert every[-1] == (Weights.at(50), Phase.PASSED)
    assert len(every) == 4
    for wrong_at in range(1, len(every) + 1):
        proxy = Proxy(tmp_path / str(wrong_at))
        last = walk_it()
        assert (last.phase, last.verdict) == (Phase.ROLLED_BACK, Status.FAIL)
        assert last.why == "the canary was sent recorded rows: its answers cannot be read"
        assert (proxy.weights, proxy.switches, len(asked)) == (ALL_STABLE, 0, wrong_at)
    monkeypatch.setattr(walk, "_CHECK_SECONDS", 5.0)
    wrong_at, proxy = 0, Proxy(tmp_path / "often")
    walk_it()
    assert len(asked) > len(every)
