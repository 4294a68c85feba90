"""What is asked of a container engine, through its own command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError

_GET_ONE = "'make engine' gets one on Debian"


def require_engine() -> None:
    """Raise SluiceError unless an engine answers."""
    done = _docker("version", "--format", "{{.Server.Version}}")
    if done.returncode:
        raise SluiceError(f"no container engine answers: {_last(done.stderr)}; {_GET_ONE}")


def pinned_digest(base: str) -> str:
    """What stands for the bytes of a base image.

    Raises SluiceError for an image that is not on the engine, or whose name may come to mean
    another one: a tag from a registry.
    """
    done = _docker("image", "inspect", base)
    if done.returncode:
        raise SluiceError(
            f"--base {base}: this engine has no such image; pull it first, "
            "or make one with 'make engine'"
        )
    image: dict[str, Any] = json.loads(done.stdout)[0]
    if "sha256:" in base:
        return base[base.index("sha256:") :]
    if image["RepoDigests"]:
        raise SluiceError(f"--base {base}: a tag can move; say --base {image['RepoDigests'][0]}")
    return str(image["Id"])


def build(
    context: Path,
    *,
    tag: str,
    base: str,
    labels: dict[str, str],
    say: Callable[[str], None],
) -> list[str]:
    """Build with no network; returns what the engine said if that failed, else nothing."""
    command = ["docker", "build", "--network=none", "--force-rm", "--tag", tag]
    command += ["--build-arg", f"BASE={base}"]
    command += [f"--label={name}={value}" for name, value in labels.items()]
    said = []
    with subprocess.Popen(
        [*command, str(context)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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
