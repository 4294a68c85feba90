"""Real Traefik and real servers: switches, kills and a stopped ladder, under load."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sluice.errors import SluiceError
from sluice.package.archive import Package
from sluice.rollout.machine import api, processes, proxy, record, traefik
from sluice.rollout.machine.control import Control
from sluice.rollout.traffic import confirm
from sluice.rollout.weights import ALL_STABLE, Weights
from sluice.staging import process as server_process
from support.rollout import until

Both = tuple[Package, Package]


def divide(control: Control, weights: Weights) -> None:
    control.set_weights(weights)
    until(lambda: control.applied(weights))


def family(control: Control, arm: str) -> list[psutil.Process]:
    first = psutil.Process(control.machine.servers[arm].process.pid)
    return [first, *first.children(recursive=True)]


def test_no_switch_loses_a_request(
    control: Control,
    callers: Callable[..., Any],
    opened_pair: Both,
    size: Callable[[int, int], int],
) -> None:
    with callers() as some:
        for number in range(size(2, 100)):
            package = opened_pair[(number + 1) % 2]
            before = control.machine.servers["stable"]
            control.replace_stable(package.folder, package.manifest.version)
            now = control.machine
            assert set(now.servers) == {"stable"}
            assert now.servers["stable"].version == package.manifest.version
            assert not processes.alive(before.process)
        assert some.none_lost() > 100


def start_both(control: Control, opened_pair: Both) -> None:
    champion, candidate = opened_pair
    control.start("baseline", champion.folder, champion.manifest.version)
    control.start("canary", candidate.folder, candidate.manifest.version)


def pause_busy_canary(control: Control) -> None:
    """Give the canary a share of the requests, and stop its processes while it has some."""
    divide(control, Weights.at(30))
    until(lambda: control.counts()["canary"].requests > 10)
    for process in family(control, "canary"):
        process.send_signal(signal.SIGSTOP)


def test_an_arm_that_hangs_loses_no_request(
    control: Control, callers: Callable[..., Any], opened_pair: Both
) -> None:
    """test_rollout_rehearsal.py covers an arm that is killed."""
    start_both(control, opened_pair)
    with callers() as some:
        pause_busy_canary(control)
        until(lambda: "canary" not in control.counts())
        divide(control, ALL_STABLE)
        control.stop("canary", "baseline")
        time.sleep(0.5)
        assert some.none_lost() > 30
        assert max(each.seconds for each in some.sent) < 15


def test_an_arm_that_continues_after_a_pause_scores_nothing_twice(
    control: Control, callers: Callable[..., Any], opened_pair: Both
) -> None:
    """During the pause, the proxy has sent the arm's requests to stable."""
    start_both(control, opened_pair)
    with callers() as some:
        pause_busy_canary(control)
        time.sleep(proxy.patience(control.machine.slow) + 1)
        for process in reversed(family(control, "canary")):
            process.send_signal(signal.SIGCONT)
        until(lambda: "canary" in control.counts())
        assert some.none_lost() > 100
    page = api.get(control.machine.servers["canary"].port, "/metrics", control.machine.token, 5)
    assert float(re.findall(rb'kind="client_gone".* (\S+)', page)[0]) > 10


def test_a_server_that_a_killed_rollout_has_not_recorded_is_ended(
    control: Control, opened_pair: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = opened_pair[1]

    def started() -> list[int]:
        return [each.pid for each in processes.naming(control.folder.resolve() / "log")]

    (stable,) = started()
    if (child := os.fork()) == 0:
        killed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
        monkeypatch.setattr(server_process, "ready", killed)
        try:
            control.start("canary", package.folder, package.manifest.version)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    (lost,) = {*started()} - {stable}
    control.start("canary", package.folder, package.manifest.version)
    canary = control.machine.servers["canary"].process.pid
    assert {*started()} == {stable, canary}
    assert lost != canary


def test_a_clock_that_is_set_changes_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the boot in /proc/stat follows the clock, which may be corrected by an hour."""
    me = processes.known(os.getpid())
    earlier = record.Process(me.pid, psutil.Process().create_time())
    boot = psutil.boot_time()
    for hours in (-1, 1):
        monkeypatch.setattr(psutil._pslinux, "boot_time", lambda h=hours: boot + 3600 * h)
        assert processes.alive(me)
        assert processes.known(os.getpid()) == me
    assert not processes.alive(record.Process(me.pid, me.created + 0.01, me.boot))
    assert not processes.alive(record.Process(me.pid, me.created, "another boot"))
    monkeypatch.undo()
    assert processes.alive(earlier)


def test_servers_that_died_are_restarted(control: Control, opened_pair: Both) -> None:
    champion, candidate = opened_pair
    control.start("canary", candidate.folder, candidate.manifest.version)
    control.start("baseline", champion.folder, champion.manifest.version)
    divide(control, Weights.at(50))
    before = control.machine
    for process in (before.proxy, *(server.process for server in before.servers.values())):
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not any(processes.alive(s.process) for s in before.servers.values()))
    assert set(control.counts()) <= {"stable"}
    after = control.machine
    assert (after.weights, set(after.servers), after.port) == (
        ALL_STABLE,
        {"stable"},
        before.port,
    )
    until(lambda: control.applied(ALL_STABLE))


def test_the_file_of_a_proxy_that_missed_it_is_written_again(
    control: Control, opened_pair: Both
) -> None:
    """Only the process that changed the weights confirms them; `status` changes nothing."""
    champion = opened_pair[0]
    one = (champion.folder, champion.manifest.version)
    control.start_all(dict.fromkeys(("baseline", "canary"), one))
    arms = next((control.folder / "proxy").glob("arms.*"))
    before = arms.read_bytes()
    divide(control, Weights.at(50))
    wanted = arms.read_bytes()
    arms.write_bytes(before)
    looking = Control(control.folder)
    until(lambda: not looking.applied(Weights.at(50)))
    time.sleep(4)
    assert not looking.applied(Weights.at(50))
    assert arms.read_bytes() == before
    until(lambda: control.applied(Weights.at(50)))
    assert arms.read_bytes() == wanted


def test_a_proxy_that_dies_at_a_change_is_started_with_the_new_weights(
    control: Control, opened_pair: Both
) -> None:
    champion = opened_pair[0]
    one = (champion.folder, champion.manifest.version)
    control.start_all(dict.fromkeys(("baseline", "canary"), one))
    before = control.machine.proxy
    assert before is not None
    os.kill(before.pid, signal.SIGKILL)
    control.set_weights(Weights.at(50))
    confirm(control, Weights.at(50))
    again = control.machine.proxy
    assert again not in (None, before)
    control.tend()
    assert control.machine.proxy == again


def test_the_port_of_a_proxy_that_died_is_taken_or_held_by_one_that_nobody_recorded(
    control: Control,
) -> None:
    before = control.machine
    assert before.proxy is not None
    os.kill(before.proxy.pid, signal.SIGKILL)
    # The kernel may close its ports a moment after the process is gone.
    until(lambda: traefik.free_port(before.port) == before.port)
    said = f"^port {before.port} cannot be used: Address"
    with (
        socket.create_server(("127.0.0.1", before.port)),
        pytest.raises(SluiceError, match=said),
    ):
        control.tend()
    # A process that is killed before it has recorded its proxy.
    lost = traefik.start(control.folder, before)
    until(lambda: traefik.answers(before.api))
    control.tend()
    assert lost.wait(20) is not None
    until(lambda: control.applied(ALL_STABLE))


def test_a_proxy_that_hangs_for_a_while_loses_nothing_and_one_that_stays_so_is_replaced(
    control: Control, callers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = control.machine.proxy
    assert before is not None
    with callers() as some:
        os.kill(before.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(before.pid, signal.SIGCONT)
        until(lambda: control.applied(ALL_STABLE))
        assert some.none_lost() > 100
    monkeypatch.setattr("sluice.rollout.machine.control._TRIES", 1)
    os.kill(before.pid, signal.SIGSTOP)
    control.restore()
    assert not processes.alive(before)
    until(lambda: control.applied(ALL_STABLE))


def test_an_unconfirmed_switch_stops_no_server(
    control: Control,
    callers: Callable[..., Any],
    opened_pair: Both,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidate, old = opened_pair[1], control.machine.servers["stable"]
    new = (candidate.folder, candidate.manifest.version)
    with callers() as some:
        with monkeypatch.context() as silent:
            silent.setattr("sluice.rollout.traffic._CONFIRM_SECONDS", 1)
            silent.setattr(Control, "applied", lambda *_: False)
            with pytest.raises(SluiceError, match="did not confirm the weights stable 100 %"):
                control.replace_stable(*new)
        servers = control.machine.servers
        assert servers["stable"] == old
        assert len(servers) == 2
        assert all(processes.alive(server.process) for server in servers.values())
        control.replace_stable(*new)
        assert set(control.machine.servers) == {"stable"}
        assert not any(processes.alive(server.process) for server in servers.values())
        assert some.none_lost() > 100


def test_a_new_server_that_ends_during_the_switch_leaves_the_old_one(
    control: Control, opened_pair: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = control.machine.servers["stable"]

    def killing(traffic: Control, weights: Weights) -> None:
        os.kill(traffic.machine.servers["stable"].process.pid, signal.SIGKILL)
        monkeypatch.undo()
        confirm(traffic, weights)

    monkeypatch.setattr("sluice.rollout.machine.control.confirm", killing)
    candidate = opened_pair[1]
    with pytest.raises(SluiceError, match="the new server of stable has ended"):
        control.replace_stable(candidate.folder, candidate.manifest.version)
    assert control.machine.servers == {"stable": old}
    until(lambda: control.applied(ALL_STABLE))


def test_counters_are_those_of_the_arms(
    control: Control, callers: Callable[..., Any], opened_pair: Both
) -> None:
    champion, candidate = opened_pair
    control.start("baseline", champion.folder, champion.manifest.version)
    control.start("canary", candidate.folder, candidate.manifest.version)
    divide(control, Weights.at(25))
    with callers(120) as some:
        time.sleep(2)
        sent = some.none_lost()
    until(lambda: sum(arm.requests for arm in control.counts().values()) == sent)
    counted = control.counts()
    assert abs(counted["canary"].requests - counted["baseline"].requests) <= 1
    assert counted["stable"].requests == pytest.approx(sent / 2, abs=2)
    assert {arm.errors for arm in counted.values()} == {0}


def test_what_is_refused_changes_nothing(control: Control, tmp_path: Path) -> None:
    with pytest.raises(SluiceError, match="baseline has no server"):
        control.set_weights(Weights.at(10))
    assert control.machine.weights == ALL_STABLE

    other = Control(tmp_path / "other")
    with pytest.raises(SluiceError, match=rf"port {control.machine.port} cannot be used"):
        other.open(control.machine.port, "x" * 20, 0.25)
    assert record.read(other.folder) is None

    # The record holds the token, and the proxy's API needs none.
    assert (control.folder / "machine.json").stat().st_mode & 0o077 == 0
    static = proxy.static(control.machine, control.folder)
    assert static["entryPoints"]["traefik"]["address"].startswith("127.0.0.1:")
    assert api.applied(control.machine.api, proxy.ARMS_SERVICE).weights == {"stable": 100}
