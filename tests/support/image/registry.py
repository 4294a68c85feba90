"""A container registry on this machine: the `docker-registry` of Debian."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

_KINDS = (
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json"
)


@dataclass(frozen=True)
class Registry:
    host: str

    def manifest(self, name: str, digest: str) -> Any:
        """The manifest under a digest, after its content was compared with the digest."""
        content = self._get(f"/v2/{name}/manifests/{digest}")
        assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
        return json.loads(content)

    def _get(self, path: str) -> bytes:
        connection = HTTPConnection(self.host, timeout=60)
        try:
            connection.request("GET", path, headers={"Accept": _KINDS})
            answer = connection.getresponse()
            assert answer.status == 200, (path, answer.read())
            return answer.read()
        finally:
            connection.close()

    @property
    def answers(self) -> bool:
        try:
            return self._get("/v2/") == b"{}"
        except OSError:
            return False


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    assert program, "docker-registry is missing: run 'make tools'"
    host = f"127.0.0.1:{_free_port()}"
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
        "http": {"addr": host},
    }
    config = folder / "config.yml"
    config.write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen([program, "serve", config], stdout=output, stderr=output)
    try:
        found = Registry(host)
        end = time.monotonic() + 120
        while not found.answers:
            assert process.poll() is None, (folder / "output.txt").read_text()
            assert time.monotonic() < end, (folder / "output.txt").read_text()
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder / "store", ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
