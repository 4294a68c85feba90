"""A package's image as a container that may do nothing but serve."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sluice import signals
from sluice.errors import SluiceError
from sluice.image import engine
from sluice.image.build import DIGEST
from sluice.package.manifest import Manifest
from sluice.serve.target import HOST, Target, answers_ready, new_token, wait

_PORT = "8080"
_LINES = "5"
_SECURE = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@contextmanager
def running(image: str, manifest: Manifest, memory_mib: float | None) -> Iterator[Target]:
    """A ready server on a free port, with no more memory than that; removed at the end.

    Raises SluiceError for an image that was not made of this package.
    """
    engine.require_engine()
    image_id = _hold(image, manifest)
    name, token = f"sluice-staging-{uuid4().hex}", new_token()
    try:
        with signals.postponed():
            _run(name, image_id, token, memory_mib)
        yield _ready(name, image_id, token)
    finally:
        with signals.postponed():
            _ask("rm", "--force", "--volumes", name)


def _hold(image: str, manifest: Manifest) -> str:
    """The id of the image: what a tag means may change, an id may not."""
    found = engine.inspect(image)
    if found is None and "@sha256:" in image:
        trouble = engine.pull(image)
        if trouble:
            raise SluiceError(f"{image}: not on this engine, and not to be pulled: {trouble}")
        found = engine.inspect(image)
    if found is None:
        raise SluiceError(f"{image}: this engine has no such image; make it with 'make image'")
    said = (found["Config"].get("Labels") or {}).get(DIGEST)
    if said != f"sha256:{manifest.digest}":
        raise SluiceError(
            f"{image}: is not the image of {manifest.name} {manifest.version}: its label {DIGEST} "
            f"is {said}, the package's digest sha256:{manifest.digest}"
        )
    return str(found["Id"])


def _run(name: str, image: str, token: str, memory_mib: float | None) -> None:
    options = ["--detach", f"--name={name}", *_SECURE, f"--publish={HOST}::{_PORT}"]
    if memory_mib is not None:
        most = f"{int(memory_mib * 2**20)}b"
        options += [f"--memory={most}", f"--memory-swap={most}"]
    done = _ask("run", *options, "--env=SLUICE_TOKEN", image, SLUICE_TOKEN=token)
    if done.returncode:
        raise SluiceError(f"the container could not be started: {_error(done.stderr)}")


def _ready(name: str, image: str, token: str) -> Target:
    def port() -> int | None:
        done = _ask("port", name, _PORT)
        return int(done.stdout.split()[0].rpartition(":")[2]) if done.stdout.strip() else None

    def ready() -> bool:
        at = port()
        return at is not None and answers_ready(at)

    wait(ready, lambda: _state(name)["Running"], lambda: _said(name))
    at = port()
    if at is None:
        raise SluiceError(f"the container ended as soon as it was ready: {_said(name)}")
    return Target(at, token, image, lambda: _memory(name))


def _state(name: str) -> dict[str, bool]:
    done = _ask("inspect", "--format", "{{json .State}}", name)
    return json.loads(done.stdout) if done.returncode == 0 else {"Running": False}


def _said(name: str) -> str:
    done = _ask("logs", "--tail", _LINES, name)
    killed = (
        "killed: it took more memory than it may have\n" if _state(name).get("OOMKilled") else ""
    )
    return done.stdout + done.stderr + killed


def _memory(name: str) -> int | None:
    """Resident bytes of all processes in the container.

    `docker top` lets the engine look, wherever it runs, and means by resident what it means for a
    process outside; `docker stats` counts cached files too, and takes seconds.
    """
    done = _ask("top", name, "-eo", "pid,rss")
    try:
        kib = [int(line.split()[1]) for line in done.stdout.splitlines()[1:]]
    except (ValueError, IndexError):
        return None
    return sum(kib) * 2**10 or None


def _ask(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
        start_new_session=True,  # Ctrl-C is ours: half a 'docker run' could leave a container
    )


def _error(text: str) -> str:
    """Of all that docker says, the line about what is wrong."""
    lines = text.strip().splitlines() or ["no word"]
    return next((line for line in lines if line.startswith("docker: ")), lines[-1])
