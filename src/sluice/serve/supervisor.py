"""`sluice serve`: listens on a port, keeps the workers running, and compacts the scoring log."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import ipaddress
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from sluice.errors import SluiceError
from sluice.package.archive import Package, opened
from sluice.scoring_log import compact, file_names
from sluice.serve.metrics import FOLDER
from sluice.serve.settings import ServerSettings

_SHORTEST_TOKEN = 16
# Seconds before a dead worker is replaced; each death within a minute doubles them.
_PAUSE, _LONGEST_PAUSE = 0.02, 2.0
_MINUTE = 60.0
_LEAVE = b"leave\n"
_COMPACT_INTERVAL = 2.0  # seconds between two searches for segments to convert to Parquet
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the folder made in it has a random name

Say = Callable[[str], None]


def serve(path: Path, settings: ServerSettings, say: Say) -> None:
    """Serve a package until SIGTERM or SIGINT; SIGTERM first starts the lame-duck phase.

    path: the package file or its unpacked folder. say: shows one line to the user.
    Raises SluiceError if the server cannot start.
    """
    if importlib.util.find_spec("uvicorn") is None:
        raise SluiceError(
            "'sluice serve' needs uvicorn, which is not installed: run pip install '.[serve]'"
        )
    token = read_token(settings)
    refuse_unprotected(settings, token)
    with opened(path) as package, _listen(settings) as listener, _metrics() as metrics:
        if not settings.no_log:
            Path(settings.log).mkdir(parents=True, exist_ok=True)
        supervisor = Supervisor(
            package, settings, token=token, listener=listener, metrics=metrics, say=say
        )
        asyncio.run(supervisor.run())


def read_token(settings: ServerSettings) -> str | None:
    """The bearer token from the file or the environment; raises SluiceError if it is weak."""
    token = os.environ.get("SLUICE_TOKEN")
    if settings.token_file is not None:
        token = Path(settings.token_file).read_text("utf-8", "replace").strip()
    if token is None:
        return None
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise SluiceError(
            f"the bearer token must have at least {_SHORTEST_TOKEN} printable ASCII characters; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token


def refuse_unprotected(settings: ServerSettings, token: str | None) -> None:
    """Raise SluiceError for a public address without a token or `--anonymous`."""
    if settings.anonymous and token is not None:
        raise SluiceError("--anonymous and a bearer token exclude each other: use only one of them")
    if not (_loopback(settings.host) or settings.anonymous or token):
        raise SluiceError(
            f"--host {settings.host} can be reached from other machines: set a bearer token with "
            "--token-file or SLUICE_TOKEN, or pass --anonymous"
        )


def _loopback(host: str) -> bool:
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in _resolve(host, 0))


def _resolve(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SluiceError(f"--host {host}: {error.strerror or error}") from None


def _listen(settings: ServerSettings) -> socket.socket:
    family, _, _, _, address = _resolve(settings.host, settings.port)[0]
    try:
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise SluiceError(
            f"--host {settings.host} --port {settings.port}: cannot listen: {error.strerror}"
        ) from None


def _metrics() -> TemporaryDirectory[str]:
    """The folder in which workers share their metrics: in memory, if the system has /dev/shm."""
    shared = os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
    return TemporaryDirectory(prefix="sluice-", dir=_SHARED_MEMORY if shared else None)


class Supervisor:
    """Starts the workers, replaces those that die, and stops them all at the end."""

    def __init__(
        self,
        package: Package,
        settings: ServerSettings,
        *,
        token: str | None,
        listener: socket.socket,
        metrics: str,
        say: Say,
    ) -> None:
        self._package, self._settings, self._token = package, settings, token
        self._listener, self._metrics, self._say = listener, metrics, say
        self._leaving = False
        self._stopping = asyncio.Event()
        self._workers: set[asyncio.subprocess.Process] = set()
        self._deaths: list[float] = []
        self._ready = 0  # workers that have been ready
        self._failure: SluiceError | None = None

    async def run(self) -> None:
        """Run until a signal arrives; raises SluiceError if a worker cannot start."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        keeping = [asyncio.create_task(self._keep()) for _ in range(self._settings.workers)]
        compacting = asyncio.create_task(self._compact())
        await asyncio.gather(*keeping)
        compacting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await compacting
        if self._failure:
            raise self._failure

    def _leave(self) -> None:
        """Stop after the lame-duck phase; immediately if there is none, or if it has begun."""
        seconds = self._settings.lame_duck_seconds
        if self._leaving or not seconds:
            self._stop()
            return
        self._leaving = True
        for worker in self._workers:
            _tell_to_leave(worker)
        asyncio.get_running_loop().call_later(seconds, self._stop)
        self._say(
            f"no longer ready; requests are still answered, and the server stops {seconds:g} s "
            "from now"
        )

    def _stop(self) -> None:
        """Close the listener first: after the workers stop, nothing accepts its connections."""
        self._stopping.set()
        self._listener.close()
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()

    async def _keep(self) -> None:
        """Run one worker, and replace it whenever it dies."""
        while not self._stopping.is_set():
            worker = await self._start()
            self._workers.add(worker)
            if self._leaving:
                _tell_to_leave(worker)
            if self._stopping.is_set():
                worker.terminate()
            if worker.stdout and await worker.stdout.readline():
                self._ready += 1
                self._say_ready()
            status = await worker.wait()
            self._workers.discard(worker)
            if not self._stopping.is_set():
                await self._after_death(worker.pid, status)

    async def _start(self) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "sluice.serve.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=[self._listener.fileno()],
            env={**_environment(), FOLDER: self._metrics},
        )
        if worker.stdin:
            worker.stdin.write(self._task() + b"\n")
        return worker

    def _task(self) -> bytes:
        manifest = self._package.manifest
        return msgspec.json.encode(
            {
                "folder": str(self._package.folder),
                "name": manifest.name,
                "version": manifest.version,
                "digest": manifest.digest,
                "settings": self._settings,
                "token": self._token,
                "listener": self._listener.fileno(),
                "leaving": self._leaving,
            }
        )

    def _say_ready(self) -> None:
        if self._ready == self._settings.workers:
            host, port = self._listener.getsockname()[:2]
            at = f"[{host}]" if ":" in host else host
            manifest = self._package.manifest
            self._say(f"{manifest.name} {manifest.version}: ready at http://{at}:{port}/docs")

    async def _after_death(self, pid: int, status: int) -> None:
        """Pause before the replacement: longer if more workers died within the last minute."""
        if not self._ready:
            self._failure = SluiceError("a worker could not start; the reason is printed above")
            self._stop()
            return
        self._say(f"worker {pid} ended unexpectedly with status {status}; starting another one")
        now = time.monotonic()
        self._deaths = [then for then in self._deaths if now - then < _MINUTE] + [now]
        seconds = min(_PAUSE * 2 ** len(self._deaths), _LONGEST_PAUSE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _compact(self) -> None:
        """Convert segments without a writer to Parquet, in one child process at a time."""
        if self._settings.no_log:
            return
        if importlib.util.find_spec("pyarrow") is None:
            self._say(
                "pyarrow is not installed: the scoring log stays text until 'sluice log compact' "
                "is run where pyarrow is installed"
            )
            return
        folder = Path(self._settings.log)
        while True:
            await asyncio.sleep(_COMPACT_INTERVAL)
            try:
                failed = any(
                    map(_abandoned, file_names.list_segments(folder))
                ) and await _compacted(folder)
            except OSError as error:
                self._say(f"cannot search the scoring log {folder}: {error}")
                failed = True
            if failed:
                await asyncio.sleep(_MINUTE)


def _tell_to_leave(worker: asyncio.subprocess.Process) -> None:
    if worker.stdin:
        worker.stdin.write(_LEAVE)


async def _compacted(folder: Path) -> int:
    """Run a compaction; returns its exit status. The messages of the compaction go to standard
    error.
    """
    compactor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sluice.scoring_log.compact", str(folder)), env=_environment()
    )
    return await compactor.wait()


def _abandoned(segment: Path) -> bool:
    with compact.lock_if_abandoned(segment) as locked:
        return locked


def _environment() -> dict[str, str]:
    """The environment of child processes, without the token: workers get it with their task."""
    return {name: value for name, value in os.environ.items() if name != "SLUICE_TOKEN"}
