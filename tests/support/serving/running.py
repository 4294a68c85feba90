"""A server as a test sees it: started by the real command, spoken to over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sluice import scenario
from sluice.model import Model, Signature, read_signature
from sluice.package.archive import unpack
from sluice.scoring_log.reader import read

_COMMAND = [sys.executable, "-m", "sluice.cli", "serve"]
_READY = re.compile(r"(\S+) (\S+): ready at http://([^/]+):(\d+)/docs")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """What the server says is wrong; every error has this form."""
        assert self.headers["content-type"] == "application/json"
        assert set(self.json) == {"error"}, self.body
        return str(self.json["error"])


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    name: str
    version: str
    host: str
    port: int
    log: Path
    said: Path  # what it wrote to standard error

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request on a connection of its own."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, content, named)
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def infer(self, body: Any, **headers: str) -> Reply:
        return self.ask("POST", f"/v2/models/{self.name}/infer", body, **headers)

    def score(self, *records: dict[str, Any], **more: Any) -> Reply:
        return self.ask("POST", "/score", {"records": list(records), **more})

    def logged(self) -> list[dict[str, Any]]:
        return list(read(self.log))

    @property
    def workers(self) -> list[int]:
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
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def _is_worker(pid: int) -> bool:
    return b"sluice.serve.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


@contextmanager
def running(
    package: Path, folder: Path, *options: str, file_size: int | None = None, **environment: str
) -> Iterator[Running]:
    """`sluice serve` on a free port, its log in the folder; ended by its process id."""
    log, said = folder / "log", folder / "said.txt"
    own = [] if "--log" in options or "--no-log" in options else ["--log", str(log)]

    def limit() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    with said.open("wb") as err:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sluice.cli",
                "serve",
                str(package),
                "--port",
                "0",
                *own,
                *options,
            ],
            stderr=err,
            cwd=folder,
            env={**os.environ, **environment},
            preexec_fn=limit,
        )
    try:
        name, version, host, port = _ready(process, said)
        yield Running(process, name, version, host.strip("[]"), int(port), log, said)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], said: Path) -> tuple[str, ...]:
    for _ in range(2400):
        found = _READY.search(said.read_text())
        if found:
            return found.groups()
        assert process.poll() is None, said.read_text()
        time.sleep(0.05)
    raise AssertionError(f"not ready: {said.read_text()}")


@dataclass(frozen=True)
class Unpacked:
    """What a package holds, to hold answers against."""

    folder: Path

    @property
    def signature(self) -> Signature:
        return read_signature(self.folder / "model" / "signature.json")

    @property
    def model(self) -> Model:
        return Model(self.folder / "model")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Records of the data, by the names of the model's inputs."""
        book = scenario.read(self.folder / "scenarios" / "scenarios.json")
        names = [column.name for column in self.signature.inputs]
        found = [row for sample in book.samples.values() for row in sample]
        return [{name: row[name] for name in names} for row in found]


def unpacked(package: Path, folder: Path) -> Unpacked:
    folder.mkdir(parents=True)
    unpack(package, folder)
    return Unpacked(folder)


def columns(signature: Signature, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the protocol's tensors, one a column."""
    kinds = {"number": "FP64", "category": "BYTES"}
    return [
        {
            "name": column.name,
            "datatype": kinds[column.type],
            "shape": [len(rows), 1],
            "data": [_plain(column.type, row[column.name]) for row in rows],
        }
        for column in signature.inputs
    ]


def _plain(kind: str, value: Any) -> Any:
    return value if kind == "number" or value is None else str(value)


def encode(body: Any) -> bytes:
    return msgspec.json.encode(body)


def in_binary(signature: Signature, rows: list[dict[str, Any]], **more: Any) -> tuple[bytes, int]:
    """A request with one binary tensor a column, and the length of its JSON."""
    inputs, rest = [], b""
    for tensor in columns(signature, rows):
        if tensor["datatype"] == "FP64":
            numbers = [float("nan") if value is None else value for value in tensor["data"]]
            content = struct.pack(f"<{len(rows)}d", *numbers)
        else:
            texts = [("" if value is None else value).encode() for value in tensor["data"]]
            content = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        head = {name: tensor[name] for name in ("name", "datatype", "shape")}
        inputs.append(head | {"parameters": {"binary_data_size": len(content)}})
        rest += content
    text = json.dumps({"inputs": inputs, **more}).encode()
    return text + rest, len(text)


def exchange(server: Running, sent: bytes, *, seconds: float = 10, finish: bool = False) -> bytes:
    """What comes back for raw bytes until the server closes, or nothing has come for so long."""
    with socket.create_connection((server.host, server.port), timeout=seconds) as connection:
        connection.sendall(sent)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while part := connection.recv(65_536):
                got += part
        except TimeoutError:
            pass
        return got


def statuses(got: bytes) -> list[int]:
    """Of each answer in what came back."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


def metric(server: Running, name: str, **labels: str) -> float:
    """The sum over all lines of that name with these labels; 0 if there is none."""
    total = 0.0
    for line in server.get("/metrics").body.decode().splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            total += float(found[2])
    return total
