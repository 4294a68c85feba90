"""The wheels of a package's locked environment, fetched while there is a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.markers import Marker

from sluice.errors import SluiceError
from sluice.package.archive import opened
from sluice.package.lock import pins

LOCKS = ("environment/serve.txt", "environment/batch.txt")


def fetch(package: Path, folder: Path, python: str) -> None:
    """Download every wheel that a Linux image with that Python (such as 3.13) needs.

    Each is held to the hashes in the package's locks.
    """
    with opened(package) as unpacked, TemporaryDirectory(prefix="sluice-") as scratch:
        for lock in LOCKS:
            chosen = Path(scratch) / Path(lock).name
            chosen.write_text(choose((unpacked.folder / lock).read_text("utf-8"), python), "utf-8")
            _download(chosen, folder, python)


def choose(lock: str, python: str) -> str:
    """The lines that hold for that Python on Linux; pip would ask the Python that runs it."""
    target = {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python if python.count(".") > 1 else f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
    }
    return "".join(
        f"{pin.name}=={pin.version}{''.join(f' --hash=sha256:{one}' for one in pin.sha256)}\n"
        for pin in pins(lock, "the lock")
        if not pin.marker or Marker(pin.marker).evaluate(target)
    )


def _download(requirements: Path, folder: Path, python: str) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download"]
    command += ["--quiet", "--no-deps", "--require-hashes"]
    target = ["--only-binary=:all:", "--python-version", python, "--dest", str(folder)]
    done = subprocess.run(
        [*command, *target, "--requirement", str(requirements)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        why = (said or done.stderr.splitlines() or ["no word"])[-1].removeprefix("ERROR: ")
        raise SluiceError(f"{requirements.name}: pip cannot fetch its wheels: {why}")
