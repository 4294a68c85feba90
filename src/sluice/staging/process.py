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

from sluice import signals
from sluice.serve.target import HOST, Target, new_token, wait

RUNS_AS = "process"

_READY = re.compile(r": ready at http://[^/]+:(\d+)/docs")
_STOP_SECONDS = 20


@contextmanager
def running(package: Path) -> Iterator[Target]:
    """Serve an unpacked package on a free port, with a scoring log as in production.

    The server is stopped at the end of the block. Raises SluiceError if it does not become ready.
    """
    token = new_token()
    with TemporaryDirectory(prefix="sluice-staging-") as scratch:
        output, log = Path(scratch) / "output.txt", Path(scratch) / "log"
        process: subprocess.Popen[bytes] | None = None
        try:
            with signals.postponed():
                process = start(package.resolve(), output, log, token)
            port = ready(process, output)
            yield Target(port, token, RUNS_AS, lambda: memory(process.pid))
        finally:
            if process is not None:
                with signals.postponed():
                    stop(process)


def start(
    package: Path, output: Path, log: Path, token: str, *options: str
) -> subprocess.Popen[bytes]:
    """Start `sluice serve` on a free port. options: further options of the command line.

    The server keeps running after this process has ended, unless somebody stops it.
    """
    command = [sys.executable, "-P", "-m", "sluice.cli", "serve", str(package)]
    with output.open("wb") as stream:
        return subprocess.Popen(
            [*command, "--host", HOST, "--port", "0", "--log", str(log), *options],
            cwd=output.parent,
            env={**os.environ, "SLUICE_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C does not reach it: it is stopped below
        )


def ready(process: subprocess.Popen[bytes], output: Path) -> int:
    """Wait until the server is ready; returns its port. Raises SluiceError if it ends first."""

    def text() -> str:
        return output.read_text("utf-8", "replace")

    wait(lambda: _READY.search(text()) is not None, lambda: process.poll() is None, text)
    found = _READY.search(text())
    return int(found[1]) if found else 0


def memory(pid: int) -> int | None:
    """Resident bytes of the process and all its descendants; None if it has ended."""
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
    except psutil.NoSuchProcess:  # the process has just ended
        return 0


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server: with SIGTERM, and by force if that takes too long."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its workers end after it
        process.wait()
