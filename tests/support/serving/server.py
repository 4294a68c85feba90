"""A server as a test uses it: started by the real command, and asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice import scenario
from sluice.model import Model, Signature, read_signature
from sluice.package.archive import unpack
from sluice.scoring_log.reader import read

_READY = re.compile(r"(\S+) (\S+): ready at http://([^/]+):(\d+)/docs")


@dataclass(frozen=True)
class Reply:
    """A response of the server. headers: by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error. Asserts that the error has the form of all errors."""
        assert self.headers["content-type"] == "application/json"
        assert set(self.json) == {"error"}, self.body
        return str(self.json["error"])


@dataclass(frozen=True)
class RunningServer:
    """A running server. name, version: those of its package. log: its scoring log. stderr: a file
    with its output.
    """

    process: subprocess.Popen[bytes]
    name: str
    version: str
    host: str
    port: int
    log: Path
    stderr: Path

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send one request on a connection of its own. body: bytes, or data to send as JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, content, named)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def infer(self, body: Any, **headers: str) -> Reply:
        return self.ask("POST", f"/v2/models/{self.name}/infer", body, **headers)

    def score(self, *records: dict[str, Any], **more: Any) -> Reply:
        return self.ask("POST", "/score", {"records": list(records), **more})

    def logged(self) -> list[dict[str, Any]]:
        """All records of the scoring log."""
        return list(read(self.log))

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if _is_worker(pid)]

    @property
    def memory(self) -> int:
        """Resident bytes of all workers."""
        page = os.sysconf("SC_PAGE_SIZE")
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in self.workers
        )

    def stop(self, seconds: float = 30) -> int:
        """Send SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def _is_worker(pid: int) -> bool:
    return b"sluice.serve.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def running(
    package: Path, folder: Path, *options: str, file_size: int | None = None, **environment: str
) -> Iterator[RunningServer]:
    """`sluice serve` on a free port, with its scoring log in the folder.

    file_size: the most bytes that a file may have, which simulates a full disk.
    """
    log, stderr = folder / "log", folder / "stderr.txt"
    own = [] if "--log" in options or "--no-log" in options else ["--log", str(log)]
    command = [sys.executable, "-m", "sluice.cli", "serve", str(package), "--port", "0"]

    def limit() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    with stderr.open("wb") as file:
        process = subprocess.Popen(
            [*command, *own, *options],
            stderr=file,
            cwd=folder,
            env={**os.environ, **environment},
            preexec_fn=limit,
        )
    try:
        name, version, host, port = _ready(process, stderr)
        yield RunningServer(process, name, version, host.strip("[]"), int(port), log, stderr)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], stderr: Path) -> tuple[str, ...]:
    for _ in range(2400):
        found = _READY.search(stderr.read_text())
        if found:
            return found.groups()
        assert process.poll() is None, stderr.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the server did not become ready: {stderr.read_text()}")


@dataclass(frozen=True)
class UnpackedPackage:
    """The content of a package, from which tests know the right answers."""

    folder: Path

    @property
    def signature(self) -> Signature:
        return read_signature(self.folder / "model" / "signature.json")

    @property
    def model(self) -> Model:
        return Model(self.folder / "model")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of the scenarios' samples, by the names of the model's inputs."""
        book = scenario.read(self.folder / "scenarios" / "scenarios.json")
        names = [column.name for column in self.signature.inputs]
        found = [row for sample in book.samples.values() for row in sample]
        return [{name: row[name] for name in names} for row in found]


def unpacked(package: Path, folder: Path) -> UnpackedPackage:
    folder.mkdir(parents=True)
    unpack(package, folder)
    return UnpackedPackage(folder)


def metric(server: RunningServer, name: str, **labels: str) -> float:
    """The sum over all lines of a metric with these labels; 0 if there is none."""
    total = 0.0
    for line in server.get("/metrics").body.decode().splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            total += float(found[2])
    return total
