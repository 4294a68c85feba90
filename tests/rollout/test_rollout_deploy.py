"""`sluice rollout deploy` and the way back, by the real command, under load and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice.package.archive import Package
from sluice.rollout import state
from sluice.rollout.machine.control import Control
from sluice.rollout.state import Phase
from sluice.rollout.weights import ALL_STABLE

TOKEN = "x" * 20


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """The folder of production, which is empty at first."""
    control = Control(tmp_path / "production")
    yield control
    control.close()


def command(control: Control, *arguments: str | Path) -> subprocess.Popen[str]:
    """`sluice rollout …` as its own process."""
    rollout = [sys.executable, "-P", "-m", "sluice.cli", "rollout", *map(str, arguments)]
    return subprocess.Popen(
        [*rollout, "--folder", str(control.folder)],
        env={**os.environ, "SLUICE_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(control: Control, *arguments: str | Path) -> tuple[int, str, str]:
    process = command(control, *arguments)
    output, problems = process.communicate(timeout=180)
    return process.returncode, output, problems


def climbing(control: Control) -> None:
    """Wait until the canary gets requests, by the state."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        known = state.read(control.folder)
        if known is not None and known.phase is Phase.RAMP and len(known.intervals) > 2:
            return
        time.sleep(0.05)
    raise AssertionError("the canary got no requests")


def test_a_rollout_goes_on_after_kill_9_and_can_be_taken_back(
    control: Control, callers: Callable[..., Any], pair: Any, opened_pair: tuple[Package, Package]
) -> None:
    old, new = (package.manifest.version for package in opened_pair)
    status, output, _ = ran(control, "deploy", pair.champion, "--port", "0")
    assert (status, f"champion: {old}" in output) == (0, True)

    with callers() as some:
        killed = command(control, "deploy", pair.candidate)
        climbing(control)
        killed.kill()
        killed.communicate()
        assert set(control.machine.servers) == {"stable", "baseline", "canary"}
        assert "another rollout" not in ran(control, "status")[1]

        status, output, problems = ran(control, "deploy", pair.candidate)
        assert (status, f"champion: {new}" in output) == (0, True), problems
        assert [arm["arm"] for arm in json.loads(ran(control, "status", "--json")[1])["arms"]] == [
            "stable"
        ]
        status, output, _ = ran(control, "back")
        assert (status, f"champion: {old}" in output) == (0, True)
        assert some.none_lost() > 300


def test_an_aborted_rollout_leaves_the_champion_alone(
    control: Control, callers: Callable[..., Any], pair: Any
) -> None:
    assert ran(control, "deploy", pair.champion, "--port", "0")[0] == 0
    with callers() as some:
        walking = command(control, "deploy", pair.candidate)
        climbing(control)
        assert ran(control, "deploy", pair.candidate)[2].startswith("sluice: ")
        status, output, _ = ran(control, "abort")
        assert (status, "a person aborted it" in output) == (0, True)
        walking.communicate(timeout=30)
        assert walking.returncode == 3
        assert control.machine.weights == ALL_STABLE
        assert set(control.machine.servers) == {"stable"}
        assert some.none_lost() > 30
    assert ran(control, "abort")[:2] == (2, "")


def test_a_ladder_that_hangs_does_not_keep_the_canary_in(
    control: Control, callers: Callable[..., Any], pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sluice.errors import SluiceError
    from sluice.rollout.machine import deploy

    monkeypatch.setattr(deploy, "_ABORT_SECONDS", 0.5)
    assert ran(control, "deploy", pair.champion, "--port", "0")[0] == 0
    with callers():
        walking = command(control, "deploy", pair.candidate)
        climbing(control)
        walking.send_signal(signal.SIGSTOP)
        with pytest.raises(SluiceError, match="the canary was given the weight 0"):
            deploy.abort(control.folder)
        assert control.machine.weights == ALL_STABLE
        walking.kill()
        walking.communicate()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "holds no rollout"),
        (("abort",), "holds no rollout"),
        (("back",), "holds no rollout"),
        (("approve",), "no canary has passed"),
        (("deploy", "nothing.tar"), "nothing.tar"),
    ],
)
def test_without_a_rollout_each_command_says_one_line(
    control: Control, arguments: tuple[str, ...], said: str
) -> None:
    status, output, problems = ran(control, *arguments)
    assert (status, output) == (2, "")
    assert said in problems
    assert problems.count("\n") == 1
