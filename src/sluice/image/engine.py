"""What is asked of a container engine, through its own command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError

_GET_ONE = "'make engine' gets one on Debian"
# To ask an image something: it reaches nobody, and changes nothing.
_BOUND = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")


def require_engine() -> None:
    """Raise SluiceError unless an engine answers."""
    done = _docker("version", "--format", "{{.Server.Version}}")
    if done.returncode:
        raise SluiceError(f"no container engine answers: {_last(done.stderr)}; {_GET_ONE}")


def inspect(image: str) -> dict[str, Any] | None:
    """What the engine knows of an image; None if it has no such image."""
    done = _docker("image", "inspect", image)
    if done.returncode:
        return None
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def pull(reference: str) -> str:
    """Fetch an image by its digest; returns what the engine said if that failed, else nothing."""
    done = _docker("pull", "--quiet", reference)
    return _last(done.stderr) if done.returncode else ""


def tag(image: str, name: str) -> None:
    done = _docker("tag", image, name)
    if done.returncode:
        raise SluiceError(f"{image}: cannot be named {name}: {_last(done.stderr)}")


def push(name: str) -> None:
    done = _docker("push", "--quiet", name)
    if done.returncode:
        raise SluiceError(
            f"{name}: not pushed: {_last(done.stderr)}; see that the registry answers, "
            "and that 'docker login' let you in"
        )


def ask(image: str, program: str, *arguments: str) -> str:
    """What a program of the image prints, in a container that may do nothing else."""
    done = _docker("run", *_BOUND, f"--entrypoint={program}", image, *arguments)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[0]
        raise SluiceError(f"{image}: {program} in it does not run: {said}")
    return done.stdout


def build(
    context: Path,
    *,
    tag: str,
    base: str,
    labels: dict[str, str],
    fresh: bool,
    say: Callable[[str], None],
) -> list[str]:
    """Build with no network; returns what the engine said if that failed, else nothing."""
    command = ["docker", "build", "--network=none", "--force-rm", "--tag", tag]
    command += ["--no-cache"] if fresh else []
    command += ["--build-arg", f"BASE={base}"]
    command += [f"--label={name}={value}" for name, value in labels.items()]
    # BuildKit would wrap the image up with a diary of its build, which has the clock in it.
    plain = {**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    said = []
    with subprocess.Popen(
        [*command, str(context)],
        env=plain,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            say(said[-1])
    return (said or ["no word"]) if process.returncode else []


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise SluiceError(f"docker is not there: install a container engine; {_GET_ONE}") from None


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no word"])[-1]
