"""The containers of deploy/compose, which Compose starts and stops; the file `.env` names their
images.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from sluice import files
from sluice.errors import SluiceError

CHAMPION, CANDIDATE = "CHAMPION", "CANDIDATE"
_BY_DIGEST = re.compile(r"[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}", re.ASCII)
_SECRETS = ("token", "grafana")
_SERVICES = ("proxy", "stable", "prometheus", "grafana")
_SECONDS = 600
_LONGEST = 300  # characters of an error message


class Containers:
    """The services of one folder with a compose.yaml.

    Every method raises SluiceError, whose message is one line.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "compose.yaml").is_file():
            raise SluiceError(f"{folder} has no compose.yaml: name the folder deploy/compose")
        self.folder = folder

    def image(self, name: str) -> str | None:
        """The image that a variable of `.env` names; None if it names none."""
        found = [line.partition("=")[2].strip() for line in self._lines() if _names(line, name)]
        return found[-1] if found and found[-1] else None

    def name_image(self, name: str, image: str) -> None:
        """Set a variable in `.env` to an image, which must be given by its digest."""
        if not _BY_DIGEST.fullmatch(image):
            raise SluiceError(f"{image!r} is not an image by digest: expected NAME@sha256:…")
        kept = [line for line in self._lines() if not _names(line, name)]
        content = "".join(f"{line}\n" for line in (*kept, f"{name}={image}"))
        files.write(self.folder / ".env", content.encode())

    def open(self, image: str) -> None:
        """Start production with an image of the champion: all services except those of a canary.

        Missing secrets are created. Raises SluiceError if another image serves.
        """
        serves = self.image(CHAMPION)
        if serves not in (None, image):
            raise SluiceError(f"{serves} is the champion here: roll {image} out as a canary")
        self.name_image(CHAMPION, image)
        for name in _SECRETS:
            file = self.folder / "secrets" / name
            if not file.exists():
                files.write(file, secrets.token_urlsafe().encode())
                # The containers read it as users that this machine does not have.
                file.chmod(0o644)
        self._compose("up", "--detach", *self._waiting(), *_SERVICES)

    def start(self, *services: str) -> None:
        """Start these services, or restart them if their image has changed; returns once they are
        healthy.

        Other services are not touched.
        """
        self._compose("up", "--detach", "--no-deps", *self._waiting(), *services)

    def stop(self, *services: str) -> None:
        """Stop these services; their requests in progress are answered first."""
        self._compose("stop", *services)

    def _waiting(self) -> tuple[str, ...]:
        """Version 1 of Compose cannot wait; callers then wait until the proxy sees the service."""
        return ("--wait",) if _command()[0] == "docker" else ()

    def _lines(self) -> list[str]:
        """The content of `.env`, or of the example from which it is created."""
        file = self.folder / ".env"
        try:
            file = file if file.exists() else self.folder / ".env.example"
            return file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SluiceError(f"{file} cannot be read: {error}") from None

    def _compose(self, *arguments: str) -> None:
        command = [*_command(), "--profile", "canary", *arguments]
        # Environment variables would override those of the file.
        own = {**os.environ}
        for name in (CHAMPION, CANDIDATE):
            own.pop(name, None)
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=own,
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise SluiceError(f"Compose did not finish {arguments[0]} in {_SECONDS} s") from None
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["Compose gave no reason"])[-1]
            raise SluiceError(f"Compose could not {' '.join(arguments)}: {said[:_LONGEST]}")


def _names(line: str, name: str) -> bool:
    return line.partition("=")[0].strip() == name


def _command() -> list[str]:
    """Compose, version 2 or, as Debian 12 has it, version 1."""
    if shutil.which("docker"):
        known = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
        if known.returncode == 0:
            return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise SluiceError("Docker Compose is not installed: see https://docs.docker.com/compose")
