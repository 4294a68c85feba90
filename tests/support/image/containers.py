"""Containers for tests: started as docs/image.md describes, and used over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from support.fixture_project import Ran, Toy

ROOT = Path(__file__).parents[3]
TOKEN = "a-token-of-this-test"  # noqa: S105
SECURE = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def run(*command: object, **environment: str) -> Ran:
    done = subprocess.run(
        [str(each) for each in command],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def docker(*arguments: object) -> Ran:
    return run("docker", *arguments)


def sluice(*arguments: object, **environment: str) -> Ran:
    return Toy(ROOT).sluice(*(str(each) for each in arguments), **environment)


@contextmanager
def image_of(package: Path, wheels: Path, base: str) -> Iterator[str]:
    """Build an image by the real command, under a tag of its own; removed at the end."""
    tag = f"sluice-test:{uuid4().hex}"
    options = ("--wheels", wheels, "--base", base, "--tag", tag)
    sluice("package", "image", package, *options).went_well()
    try:
        yield tag
    finally:
        docker("image", "rm", tag)


@contextmanager
def volume() -> Iterator[str]:
    name = docker("volume", "create").went_well().out.strip()
    try:
        yield name
    finally:
        docker("volume", "rm", name)


@dataclass(frozen=True)
class Container:
    name: str

    def ask(self, method: str, path: str, body: Any = None, token: str | None = TOKEN) -> Any:
        """Send a request; returns the status and the JSON of the response."""
        host, port = docker("port", self.name, "8080/tcp").went_well().out.split()[0].split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def score(self, *rows: dict[str, Any]) -> Any:
        status, answer = self.ask("POST", "/score", {"records": list(rows)})
        assert status == 200, answer
        return answer

    def python(self, code: str) -> Ran:
        return docker("exec", self.name, "python", "-c", code)

    @property
    def output(self) -> str:
        return docker("logs", self.name).went_well().said

    @property
    def health(self) -> str:
        return self.inspect["State"]["Health"]["Status"]

    @property
    def inspect(self) -> Any:
        return json.loads(docker("inspect", self.name).went_well().out)[0]

    @property
    def ready(self) -> bool:
        assert self.inspect["State"]["Running"], self.output
        try:
            return self.ask("GET", "/v2/health/ready", token=None)[0] == 200
        # The proxy of a container engine accepts connections earlier than the server does.
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def running(image: str, *options: str) -> Iterator[Container]:
    """A server that is ready, in a container without privileges; removed at the end."""
    publish = ("--publish=127.0.0.1::8080", f"--env=SLUICE_TOKEN={TOKEN}")
    container = Container(f"sluice-test-{uuid4().hex}")
    named = f"--name={container.name}"
    try:
        docker("run", "--detach", named, *SECURE, *publish, *options, image).went_well()
        until(lambda: container.ready, container)
        yield container
    finally:
        docker("rm", "--force", "--volumes", container.name)


def until(true: Callable[[], bool], container: Container, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, container.output
        time.sleep(0.1)
