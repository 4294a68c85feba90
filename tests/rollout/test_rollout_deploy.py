"""`sluice rollout deploy` and `back`, with the real command, under load and when killed."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice import cli, files
from sluice.errors import SluiceError
from sluice.package.archive import Package
from sluice.rollout import state
from sluice.rollout.machine import api, deploy, processes, proxy
from sluice.rollout.machine.control import Control
from sluice.rollout.state import Phase
from sluice.rollout.weights import ALL_STABLE, Weights
from support.command_line import CommandLine
from support.fixture_project import Ran
from support.rollout import until

TOKEN = "x" * 20


def command(control: Control, *arguments: str | Path) -> subprocess.Popen[str]:
    """`sluice rollout …` as its own process, which a closed terminal ends."""
    rollout = [sys.executable, "-P", "-m", "sluice.cli", "rollout", *map(str, arguments)]
    return subprocess.Popen(
        [*rollout, "--folder", str(control.folder)],
        env={**os.environ, "SLUICE_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # If nohup has started the tests, the signal is ignored, also in what they start.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


@pytest.fixture
def ran(control: Control, command_line: CommandLine) -> Callable[..., Ran]:
    """`ran("status")` runs `sluice rollout status` in the process of the test."""

    def run(*arguments: str) -> Ran:
        given = ("rollout", *arguments, "--folder", str(control.folder))
        return command_line.run(control.folder, *given, SLUICE_TOKEN=TOKEN)

    return run


def reached(control: Control, phase: Phase, intervals: int = 3) -> None:
    """Wait until the rollout reaches a state."""

    def there() -> bool:
        known = state.read(control.folder)
        return known is not None and known.phase is phase and len(known.intervals) >= intervals

    until(there, 120)


@pytest.mark.long
def test_a_rollout_continues_after_kill_9_and_can_be_rolled_back(
    control: Control,
    callers: Callable[..., Any],
    pair: Any,
    opened_pair: tuple[Package, Package],
    ran: Callable[..., Ran],
) -> None:
    old, new = (package.manifest.version for package in opened_pair)
    with callers() as some:
        killed = command(control, "deploy", pair.candidate)
        reached(control, Phase.RAMP)
        killed.kill()
        killed.communicate()
        assert set(control.machine.servers) == {"stable", "baseline", "canary"}

        walking = command(control, "deploy", pair.candidate)
        reached(control, Phase.PASSED, 30)
        assert control.machine.weights == Weights.at(50)
        assert "another rollout is in progress" in ran("deploy", str(pair.champion)).err
        ran("approve").went_well()
        output, problems = walking.communicate(timeout=120)
        assert (walking.returncode, f"champion: {new}" in output) == (0, True), problems
        shown = json.loads(ran("status", "--json").out)
        assert [(arm["arm"], arm["weight"], arm["runs"]) for arm in shown["arms"]] == [
            ("stable", 100, True)
        ]
        assert f"champion: {old}" in ran("back").went_well().out
        assert some.none_lost() > 300
    last = ran("abort")
    assert (last.status, last.out) == (2, "")


def test_an_aborted_rollout_leaves_the_champion_alone(
    control: Control, callers: Callable[..., Any], pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with callers() as some:
        walking = command(control, "deploy", pair.candidate)
        reached(control, Phase.RAMP)
        # Even if the process of the rollout hangs, the canary loses its weight.
        walking.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(deploy, "_ABORT_SECONDS", 0.5)
        with pytest.raises(SluiceError, match="the weight 0"):
            deploy.abort(control.folder)
        monkeypatch.undo()
        assert control.machine.weights == ALL_STABLE
        walking.send_signal(signal.SIGCONT)
        last = deploy.abort(control.folder)
        assert (last.phase, last.weights) == (Phase.ROLLED_BACK, ALL_STABLE)
        output, _ = walking.communicate(timeout=120)
        assert (walking.returncode, "a person aborted it" in output) == (3, True)
        assert set(control.machine.servers) == {"stable"}
        assert some.none_lost() > 30


def test_a_canary_that_nobody_judges_gets_no_requests(
    control: Control,
    callers: Callable[..., Any],
    pair: Any,
    ran: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In turn, a signal ends the rollout, a record of it is damaged, and the disk is full."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = control.folder / state.STATE
    with callers() as some:
        walking = command(control, "deploy", pair.candidate)
        reached(control, Phase.RAMP)
        walking.send_signal(signal.SIGHUP)  # its terminal was closed
        walking.communicate(timeout=120)
        assert control.machine.weights == ALL_STABLE

        machine = control.folder / "machine.json"
        known = control.machine
        control.set_weights(Weights.at(50))
        until(lambda: control.applied(Weights.at(50)))
        content, begun = machine.read_bytes(), path.read_bytes()
        for action in (("deploy", str(pair.candidate)), ("abort",)):
            machine.write_bytes(content[:100])
            done = ran(*action)
            assert (done.status, done.err.count("\n")) == (2, 1)
            assert "restore this file, or end them and delete it" in done.err
            applied = api.applied(known.api, proxy.ARMS_SERVICE)
            assert set(applied.weights) == {"baseline"}  # stable has none of them at the last step
            machine.write_bytes(content)
            path.write_bytes(begun)
            control.set_weights(Weights.at(50))
            until(lambda: control.applied(Weights.at(50)))

        content = path.read_bytes()
        control.set_weights(Weights.at(50))
        path.write_bytes(content[:100])
        done = ran("deploy", str(pair.candidate))
        assert (done.status, control.machine.weights) == (2, ALL_STABLE)
        assert "delete the file to start a new one" in done.err
        assert done.err.count("\n") == 1

        path.write_bytes(content)
        control.set_weights(Weights.at(50))
        with monkeypatch.context() as patched:
            patched.setattr(files, "replace", full)
            with pytest.raises(SluiceError, match="No space left on device"):
                deploy.deploy(control.folder, pair.candidate, 0, TOKEN, lambda _: None)
        servers = control.machine.servers
        alive = {arm for arm, server in servers.items() if processes.alive(server.process)}
        assert alive == {"stable", "baseline"}
        assert some.none_lost() > 30


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), "has no rollout"),
        (("abort",), "has no rollout"),
        (("back",), "has no rollout"),
        (("approve",), "no canary has passed"),
        (("deploy", "nothing.tar"), "nothing.tar"),
    ],
)
def test_without_a_rollout_each_command_says_one_line(
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLUICE_TOKEN", TOKEN)
    assert cli.main(["rollout", *arguments, "--folder", str(tmp_path / "none")]) == 2
    output, problems = capsys.readouterr()
    assert output == ""
    assert said in problems
    assert problems.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deploy", "x.tar", "--port", "70000"), "70000 is not a port: expected 0 to 65535"),
        (("deploy", "x.tar", "--port", "-1"), "-1 is not a port"),
        (("deploy", "x.tar", "--port", "http"), "http is not a port"),
        (("follow", "octo/shop", "--every", "0"), "0 is not a duration"),
        (("follow", "octo/shop", "--every", "nan"), "nan is not a duration"),
        (("follow", "octo/shop", "--every", "often"), "often is not a duration"),
    ],
)
def test_an_impossible_option_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["rollout", *arguments])
    assert said in capsys.readouterr().err


def test_a_port_in_use_is_reported_and_nothing_is_started(
    tmp_path: Path, pair: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_TOKEN", TOKEN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = ["deploy", str(pair.champion), "--port", port, "--folder", str(tmp_path / "here")]
        assert cli.main(["rollout", *given]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert f"port {port} cannot be used" in said.err
    assert not list((tmp_path / "here").glob("*.json"))
