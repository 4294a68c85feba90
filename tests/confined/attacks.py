"""Scenarios of a hostile use case; each has the result of an attempt as its name."""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sluice.scenario import Known

PLACES = json.loads(os.environ["USECASE_PLACES"])
ROOT = Path(PLACES["root"])
DATA = ROOT / "data" / "table.csv"
LIBC = ctypes.CDLL(None, use_errno=True)


def _detached() -> int:
    """A process that would write after the task has ended, unless it is killed."""
    if process := os.fork():
        return process
    os.setsid()
    if os.fork():
        os._exit(0)
    late = f"sleep 2; echo late > {os.getcwd()}/late; sleep 600"
    return os.execv("/bin/sh", ["sh", "-c", late])  # noqa: S606


ATTEMPTS: dict[str, Callable[[], Any]] = {
    "read the data": DATA.read_bytes,
    "read the data with another program": lambda: subprocess.run(
        ["/bin/cat", str(DATA)], capture_output=True, check=True
    ),
    "list the project": lambda: os.listdir(ROOT),
    "read .git": (ROOT / ".git" / "config").read_bytes,
    "list the home folder": lambda: os.listdir(PLACES["home"]),
    "read the machine's accounts": Path("/etc/passwd").read_bytes,
    "write the use case": lambda: (ROOT / "src/usecase/more.py").write_text("x"),
    "write the copy that runs": lambda: Path(__file__).write_text("x"),
    "write into the environment": lambda: Path(sys.prefix, "attack.pth").write_text("x"),
    "write the temporary folder": lambda: Path(PLACES["temporary"], "attack").write_text("x"),
    "write shared memory": lambda: Path("/dev/shm/sluice-attack").write_text("x"),
    "empty the data": lambda: os.truncate(DATA, 0),
    "change the mode of the data": lambda: DATA.chmod(0o777),
    "change the times of the data": lambda: os.utime(DATA, (1, 1)),
    "change attributes of the data": lambda: os.setxattr(DATA, "user.attack", b"1"),
    "link the data": lambda: os.link(DATA, "linked"),
    "move the data": lambda: os.rename(DATA, "moved"),
    "make a symbolic link": lambda: os.symlink(DATA, "symbolic"),
    "make a pipe": lambda: os.mkfifo("pipe"),
    "connect by TCP": lambda: socket.create_connection(("127.0.0.1", 9)),
    "open a socket for UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "open a socket of the machine": lambda: socket.socket(socket.AF_UNIX),
    "end the supervisor": lambda: os.kill(os.getppid(), 9),
    "read the supervisor's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "read the supervisor's memory": lambda: os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY),
    "mount": lambda: _checked(LIBC.mount(b"none", b"/mnt", b"tmpfs", 0, b"")),
    "open an io_uring": lambda: _checked(LIBC.syscall(425, 1, 0)),
    "trace the supervisor": lambda: _checked(LIBC.ptrace(16, os.getppid(), 0, 0)),
    "find a secret in the environment": lambda: os.environ["SLUICE_TEST_SECRET"],
    # What it may do.
    "may write its own folder": lambda: Path("own").write_text("x"),
    "may leave a process": _detached,
}


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _tried(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (OSError, KeyError, subprocess.CalledProcessError) as error:
        return f"refused ({type(error).__name__})"
    return "done"


SCENARIOS = [
    Known(name=f"{what}: {_tried(attempt)}", row={}, decision="1")
    for what, attempt in ATTEMPTS.items()
]
