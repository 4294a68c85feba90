"""Download the wheels that a package's image needs; the build of the image has no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.markers import Marker

from sluice.errors import SluiceError
from sluice.package.archive import opened
from sluice.package.lock import pins


def download(package: Path, folder: Path, python: str) -> None:
    """Download every wheel that a Linux image with that Python (such as 3.13) needs.

    Each wheel must match the hashes in the package's locks. Raises SluiceError if pip fails.
    """
    with opened(package) as unpacked, TemporaryDirectory(prefix="sluice-") as scratch:
        locks = []
        for path, text in unpacked.serving_locks.items():
            locks.append(Path(scratch) / Path(path).name)
            locks[-1].write_text(applicable(text, path, python), "utf-8")
        _download(locks, folder, python)


def applicable(lock: str, where: str, python: str) -> str:
    """The lines of a lock that apply to that Python on Linux, as requirements without markers.

    pip would evaluate the markers for the Python that runs pip.
    """
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
        for pin in pins(lock, where)
        if not pin.marker or Marker(pin.marker).evaluate(target)
    )


def _download(locks: list[Path], folder: Path, python: str) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download"]
    command += ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--python-version", python, "--dest", str(folder)]
    command += [word for lock in locks for word in ("--requirement", str(lock))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        output = errors or done.stderr.splitlines() or ["pip printed no error message"]
        reason = output[-1].removeprefix("ERROR: ")
        raise SluiceError(
            f"pip could not download the wheels of the package's "
            f"{' and '.join(lock.name for lock in locks)} for Python {python}: {reason}"
        )
