"""A package served by `sluice serve`, as a process of this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.staging.target import HOST, Target, new_token, wait
from sluice.staging.undisturbed import undisturbed

RUNS_AS = "process"

_READY = re.compile(r": ready at http://[^/]+:(\d+)/docs")
_END_SECONDS = 20


@contextmanager
def running(package: Path) -> Iterator[Target]:
    """A ready server on a free port, with a scoring log as in production; ended at the end."""
    token = new_token()
    with TemporaryDirectory(prefix="sluice-staging-") as scratch:
        said, log = Path(scratch) / "said.txt", Path(scratch) / "log"
        process: subprocess.Popen[bytes] | None = None
        try:
            with undisturbed():
                process = _start(package.resolve(), said, log, token)
            yield _ready(process, said, token)
        finally:
            if process is not None:
                with undisturbed():
                    _end(process)


def _start(package: Path, said: Path, log: Path, token: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "sluice.cli", "serve", str(package)]
    with said.open("wb") as err:
        return subprocess.Popen(
            [*command, "--host", HOST, "--port", "0", "--log", str(log)],
            cwd=said.parent,
            env={**os.environ, "SLUICE_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=err,
            stderr=err,
            start_new_session=True,  # it is told when to end, and by nobody else
        )


def _ready(process: subprocess.Popen[bytes], said: Path, token: str) -> Target:
    def text() -> str:
        return said.read_text("utf-8", "replace")

    wait(lambda: _READY.search(text()) is not None, lambda: process.poll() is None, text)
    found = _READY.search(text())
    port = int(found[1]) if found else 0
    return Target(port, token, RUNS_AS, lambda: _memory(process.pid))


def _memory(pid: int) -> int | None:
    """Resident bytes of the process and all below it."""
    import psutil

    try:
        parent = psutil.Process(pid)
        return sum(_resident(each) for each in [parent, *parent.children(recursive=True)])
    except psutil.Error:
        return None


def _resident(process: object) -> int:
    import psutil

    try:
        return int(process.memory_info().rss)  # type: ignore[attr-defined]
    except psutil.NoSuchProcess:  # it has just ended
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its workers end when it is gone
        process.wait()
