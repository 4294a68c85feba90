"""The only module that calls a container engine, through the `docker` command.

python-on-whales, which wraps the same command, is not used: it does not implement `docker top`,
cannot shield a command from Ctrl-C, and its function for the classic builder lacks `--force-rm`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sluice.errors import SluiceError

_INSTALL = "on Debian and Ubuntu, 'make engine' installs one"
# For programs that only report something: no network, no changes.
_CONFINED = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")
# For a server: it can write only to its volumes.
_SERVER = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


class _Filesystem(msgspec.Struct, frozen=True):
    layers: tuple[str, ...] = msgspec.field(default=(), name="Layers")


class Image(msgspec.Struct, frozen=True, rename="pascal"):
    """What the engine knows about an image.

    `repo_digests` are its names in registries (`NAME@sha256:…`). `root_fs` lists the digests of its
    uncompressed layers; `config` has the settings of its containers.
    """

    id: str
    repo_digests: tuple[str, ...] | None = ()
    os: str = ""
    architecture: str = ""
    root_fs: _Filesystem = msgspec.field(default=_Filesystem(), name="RootFS")
    config: dict[str, Any] = {}

    @property
    def labels(self) -> dict[str, str]:
        return self.config.get("Labels") or {}

    @property
    def layers(self) -> tuple[str, ...]:
        """The digests of the uncompressed layers, from the bottom up."""
        return self.root_fs.layers


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """Whether a container is running, and whether it was killed at its memory limit."""

    running: bool = False
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")


def require_engine() -> None:
    """Raise SluiceError unless a container engine answers."""
    done = _docker("version", "--format", "{{.Server.Version}}")
    if done.returncode:
        raise SluiceError(
            f"no container engine answers: {_reason(done.stderr)}; start it, or install one: "
            f"{_INSTALL}"
        )


def find(image: str) -> Image | None:
    """The image of a name or an id; None if the engine does not have it."""
    done = _docker("image", "inspect", image)
    if done.returncode:
        return None
    try:
        return msgspec.json.decode(done.stdout, type=list[Image])[0]
    except (msgspec.MsgspecError, IndexError) as error:
        raise SluiceError(
            f"{image}: 'docker image inspect' does not answer as Docker does: {error}"
        ) from None


def pull(reference: str) -> str:
    """Download an image by its digest; returns the engine's error message, empty if it worked."""
    done = _docker("pull", "--quiet", reference)
    return _reason(done.stderr) if done.returncode else ""


def tag(image: str, name: str) -> None:
    """Give an image another name; raises SluiceError if the engine refuses."""
    done = _docker("tag", image, name)
    if done.returncode:
        raise SluiceError(f"{image}: could not be tagged as {name}: {_reason(done.stderr)}")


def push(name: str) -> None:
    """Upload an image to the registry in its name; raises SluiceError if that fails."""
    done = _docker("push", "--quiet", name)
    if done.returncode:
        raise SluiceError(
            f"{name}: could not be pushed: {_reason(done.stderr)}; check that the registry is "
            "reachable, and that 'docker login' was run for it"
        )


def output(image: str, program: str, *arguments: str) -> str:
    """What a program in the image prints, run in a confined container.

    Raises SluiceError if the image lacks the program, or if the program fails.
    """
    done = _docker("run", *_CONFINED, f"--entrypoint={program}", image, *arguments)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it printed no error message"])[0]
        raise SluiceError(f"{image}: its program {program} could not be run: {reason}")
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
    """Build an image without a network; returns the output if that failed, else an empty list.

    `fresh` uses no layer of an earlier build. `say` gets every line of output immediately.
    """
    command = ["docker", "build", "--network=none", "--force-rm", "--tag", tag]
    command += ["--no-cache"] if fresh else []
    command += ["--build-arg", f"BASE={base}"]
    command += [f"--label={name}={value}" for name, value in labels.items()]
    # BuildKit would add a record of the build with its time to the image.
    environment = {**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    lines = []
    with subprocess.Popen(
        [*command, str(context)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            say(lines[-1])
    return (lines or ["docker build printed nothing"]) if process.returncode else []


def start(
    image: str, name: str, *, publish: str, memory_mib: float | None, environment: dict[str, str]
) -> None:
    """Start a server in a container that can write to its volumes only.

    `publish` is written as for docker's option; `memory_mib` is the limit of the container, without
    swap. Raises SluiceError if the container does not start.
    """
    options = ["--detach", f"--name={name}", *_SERVER, f"--publish={publish}"]
    if memory_mib is not None:
        limit = f"{int(memory_mib * 2**20)}b"
        options += [f"--memory={limit}", f"--memory-swap={limit}"]
    # Every user of the machine can read the command line, so values are not put there.
    options += [f"--env={variable}" for variable in environment]
    done = _shielded("run", *options, image, **environment)
    if done.returncode:
        raise SluiceError(f"{image}: its container could not be started: {_run_error(done.stderr)}")


def port(container: str, inner: int) -> int | None:
    """The port of this machine that is mapped to a port of the container; None if there is none."""
    done = _shielded("port", container, str(inner))
    return int(done.stdout.split()[0].rpartition(":")[2]) if done.stdout.strip() else None


def state(container: str) -> State:
    """A missing container counts as not running."""
    done = _shielded("inspect", "--format", "{{json .State}}", container)
    return msgspec.json.decode(done.stdout, type=State) if done.returncode == 0 else State()


def logs(container: str, lines: int) -> str:
    """The last lines that the container printed."""
    done = _shielded("logs", "--tail", str(lines), container)
    return done.stdout + done.stderr


def memory(container: str) -> int | None:
    """The resident memory of all processes in the container, in bytes; None if unknown.

    `docker top` measures it in the same way as for a process outside a container, wherever the
    engine runs; `docker stats` would also count cached files, and takes seconds.
    """
    done = _shielded("top", container, "-eo", "pid,rss")
    try:
        kib = [int(line.split()[1]) for line in done.stdout.splitlines()[1:]]
    except (ValueError, IndexError):
        return None
    return sum(kib) * 2**10 or None


def remove(container: str) -> None:
    """Stop a container at once and delete it with its anonymous volumes, if it exists."""
    _shielded("rm", "--force", "--volumes", container)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise SluiceError(f"the program docker is missing: {_INSTALL}") from None


def _shielded(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run docker so that Ctrl-C does not reach it: an interrupted `docker run` could leave a
    container.
    """
    return subprocess.run(
        ["docker", *arguments],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **environment},
        start_new_session=True,
    )


def _reason(text: str) -> str:
    """The last line of an error output."""
    return (text.strip().splitlines() or ["docker printed no error message"])[-1]


def _run_error(text: str) -> str:
    """The line of `docker run`'s error output that says what is wrong; a hint may follow it."""
    found = (line for line in text.strip().splitlines() if line.startswith("docker: "))
    return next(found, _reason(text)).removeprefix("docker: ")
