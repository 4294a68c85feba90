"""`sluice serve`: one port, several workers, and a log that turns into Parquet beside them."""

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
_PAUSE, _LONGEST_PAUSE = 0.02, 2.0  # seconds before a successor starts, doubled by each death
_MINUTE = 60.0
_LOOK = 2.0  # seconds between two looks for segments to turn into Parquet
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  a folder of random name is made there

Say = Callable[[str], None]


def serve(path: Path, settings: ServerSettings, say: Say) -> None:
    """Serve a package until SIGTERM or SIGINT; raises SluiceError if that cannot be begun."""
    if importlib.util.find_spec("uvicorn") is None:
        raise SluiceError("no server is installed here: pip install '.[serve]'")
    token = read_token(settings)
    refuse_open_door(settings, token)
    with opened(path) as package, _listen(settings) as listener, _metrics() as metrics:
        if not settings.no_log:
            Path(settings.log).mkdir(parents=True, exist_ok=True)
        supervisor = Supervisor(
            package, settings, token=token, listener=listener, metrics=metrics, say=say
        )
        asyncio.run(supervisor.run())


def read_token(settings: ServerSettings) -> str | None:
    token = os.environ.get("SLUICE_TOKEN")
    if settings.token_file is not None:
        token = Path(settings.token_file).read_text("utf-8", "replace").strip()
    if token is None:
        return None
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise SluiceError(
            f"the bearer token: expected at least {_SHORTEST_TOKEN} printable characters; "
            "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token


def refuse_open_door(settings: ServerSettings, token: str | None) -> None:
    if settings.anonymous and token is not None:
        raise SluiceError("--anonymous and a bearer token exclude each other: leave one out")
    if not (_loopback(settings.host) or settings.anonymous or token):
        raise SluiceError(
            f"--host {settings.host} is reachable from elsewhere: set a bearer token by "
            "--token-file or SLUICE_TOKEN, or say --anonymous"
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
    """Where the workers share their counts: memory, where there is a folder for it."""
    shared = os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
    return TemporaryDirectory(prefix="sluice-", dir=_SHARED_MEMORY if shared else None)


class Supervisor:
    """Keeps the workers running, and ends them when it is told to."""

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
        self._stopping = asyncio.Event()
        self._workers: set[asyncio.subprocess.Process] = set()
        self._deaths: list[float] = []
        self._ready = 0  # workers that ever were
        self._trouble: SluiceError | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, self._stop)
        keeping = [asyncio.create_task(self._keep()) for _ in range(self._settings.workers)]
        compacting = asyncio.create_task(self._compact())
        await asyncio.gather(*keeping)
        compacting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await compacting
        if self._trouble:
            raise self._trouble

    def _stop(self) -> None:
        """First stop listening here too: nobody else would accept what still arrives."""
        self._stopping.set()
        self._listener.close()
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                worker.terminate()

    async def _keep(self) -> None:
        """One worker, and its successors."""
        while not self._stopping.is_set():
            worker = await self._start()
            self._workers.add(worker)
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
            }
        )

    def _say_ready(self) -> None:
        if self._ready == self._settings.workers:
            host, port = self._listener.getsockname()[:2]
            at = f"[{host}]" if ":" in host else host
            manifest = self._package.manifest
            self._say(f"{manifest.name} {manifest.version}: ready at http://{at}:{port}/docs")

    async def _after_death(self, pid: int, status: int) -> None:
        """Wait a while, the longer the more workers died in the last minute."""
        if not self._ready:
            self._trouble = SluiceError("a worker could not start; it says why above")
            self._stop()
            return
        self._say(f"worker {pid} died with status {status}; another one takes its place")
        now = time.monotonic()
        self._deaths = [then for then in self._deaths if now - then < _MINUTE] + [now]
        seconds = min(_PAUSE * 2 ** len(self._deaths), _LONGEST_PAUSE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _compact(self) -> None:
        """Turn segments that have no writer any more into Parquet, one process at a time."""
        if self._settings.no_log:
            return
        if importlib.util.find_spec("pyarrow") is None:
            self._say("no pyarrow here: segments stay text until 'sluice log compact' is run")
            return
        folder = Path(self._settings.log)
        while True:
            await asyncio.sleep(_LOOK)
            try:
                failed = any(map(_free, file_names.list_segments(folder))) and await _compacted(
                    folder
                )
            except OSError as error:
                self._say(f"the scoring log {folder} cannot be looked through: {error}")
                failed = True
            if failed:
                await asyncio.sleep(_MINUTE)


async def _compacted(folder: Path) -> int:
    """The exit status of a compactor; what it has to say is on standard error."""
    compactor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "sluice.scoring_log.compact", str(folder)), env=_environment()
    )
    return await compactor.wait()


def _free(segment: Path) -> bool:
    with compact.lock_if_abandoned(segment) as mine:
        return mine


def _environment() -> dict[str, str]:
    """What a child needs; the token is told to workers, and to nobody else."""
    return {name: value for name, value in os.environ.items() if name != "SLUICE_TOKEN"}
