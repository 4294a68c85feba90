"""Faults that a rehearsal injects from outside, without changes to the servers."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.machine.control import Control
from sluice.rollout.rehearsal.shim import ShimPlan
from sluice.rollout.weights import ARMS, BASELINE, CANARY
from sluice.verdict import Status

# The share of requests that fail for every arm, so that a multiple of it can be injected.
_BASE = 0.02
_SLOW_SHARE, _SLOW_TIMES = 0.2, 1.6
_READABLE_SECONDS = 8.0  # in which the canary's answers are right
_THIN = 2.0  # requests a second
_PINNED = 0.1  # the share of requests that some client sends to the baseline alone
PINNED_HEADER = "X-Pinned"

Plant = Callable[[Control], None]


@dataclass(frozen=True)
class Fault:
    """expected: the right verdict. shims: a faulty network in front of these arms. plant: the
    action on the canary once it has a larger share. rate: requests a second, instead of the usual
    ones. pinned: the share of requests that go to the baseline regardless of the weights. damaged:
    whether the candidate's model gives wrong scores.
    """

    name: str = "none"
    expected: Status = Status.PASS
    shims: dict[str, ShimPlan] = field(default_factory=dict)
    plant: Plant | None = None
    rate: float | None = None
    pinned: float = 0.0
    damaged: bool = False


NAMES = (
    "errors=3x", "slow", "kill", "hung", "disk-full", "thin", "skewed", "drifting-base",
    "bad-scores", "unreadable",
)  # fmt: skip


def named(name: str | None, slow: float) -> Fault:
    """The fault of this name; without a name, none. slow: seconds of a slow answer.

    Raises SluiceError for an unknown name.
    """
    if name is None:
        return Fault()
    if times := re.fullmatch(r"errors=(\d{1,2})x", name):
        return _errors(name, int(times[1]))
    fail, short = Status.FAIL, Status.INSUFFICIENT
    delayed = ShimPlan(0, slow=_SLOW_SHARE, delay=_SLOW_TIMES * slow)
    drifting = {arm: ShimPlan(0, drift=0.002, most=0.15, seed=n) for n, arm in enumerate(ARMS)}
    known = {
        "slow": Fault(name, fail, {CANARY: delayed}),
        "kill": Fault(name, fail, plant=lambda control: _signal(control, signal.SIGKILL)),
        "hung": Fault(name, fail, plant=lambda control: _signal(control, signal.SIGSTOP)),
        "disk-full": Fault(name, fail, plant=_fill_disk),
        "thin": Fault(name, short, rate=_THIN),
        "skewed": Fault(name, short, pinned=_PINNED),
        "drifting-base": Fault(name, short, drifting),
        "bad-scores": Fault(name, fail, damaged=True),
        "unreadable": Fault(name, fail, {CANARY: ShimPlan(0, unreadable=_READABLE_SECONDS)}),
    }
    if name not in known:
        raise SluiceError(f"there is no fault {name!r}: choose one of {', '.join(NAMES)}")
    return known[name]


def _errors(name: str, times: int) -> Fault:
    share = times * _BASE
    if times < 2 or share >= 1:
        raise SluiceError(f"the fault {name!r} needs a number from 2 to {int(1 / _BASE) - 1}")
    shims = {
        arm: ShimPlan(0, errors=share if arm == CANARY else _BASE, seed=n)
        for n, arm in enumerate(ARMS)
    }
    return Fault(name, Status.FAIL, shims)


def shim(stack: ExitStack, control: Control, arm: str, plan: ShimPlan) -> None:
    """Put a faulty network between the proxy and the server of an arm, until the stack closes."""
    port = control.machine.servers[arm].port
    command = [sys.executable, "-P", "-m", "sluice.rollout.rehearsal.shim"]
    started = stack.enter_context(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
    )
    if started.stdin is None or started.stdout is None:
        raise AssertionError
    stack.callback(started.kill)
    started.stdin.write(msgspec.json.encode(msgspec.structs.replace(plan, port=port)) + b"\n")
    started.stdin.flush()
    said = started.stdout.readline()
    if not said.strip().isdigit():
        raise SluiceError("the faulty network could not be started")
    control.route(arm, int(said))


def pin(control: Control) -> None:
    """Let the proxy send some clients only to the baseline, like a forgotten routing rule."""
    rule = {
        "rule": f"Header(`{PINNED_HEADER}`, `yes`)",
        "priority": 1_000,
        "entryPoints": ["web"],
        "service": BASELINE,
    }
    folder = control.folder / "proxy"
    files.write_json(folder / "pinned.yml", {"http": {"routers": {"pinned": rule}}})


def _family(control: Control) -> list[psutil.Process]:
    canary = psutil.Process(control.machine.servers[CANARY].process.pid)
    return [canary, *canary.children(recursive=True)]


def _signal(control: Control, number: signal.Signals) -> None:
    for process in _family(control):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _fill_disk(control: Control) -> None:
    """Prevent the canary's files from growing, as on a full disk."""
    log = Path(control.machine.servers[CANARY].log)
    size = max((path.stat().st_size for path in log.iterdir()), default=0)
    for process in _family(control):
        with suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_FSIZE, (size, size))
