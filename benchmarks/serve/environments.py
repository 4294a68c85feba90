"""Installs each peer into a virtual environment of its own, from its lock file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from subject import ROOT

LOCKS = Path(__file__).parent / "peers"
INSIDE = Path(__file__).parent / "inside"
BENCH = ROOT / "out" / "bench"

_VERSIONS = """
import json, platform, sys
from importlib.metadata import version
print(json.dumps({"Python": platform.python_version()} | {n: version(n) for n in sys.argv[1:]}))
"""


def folder(name: str) -> Path:
    """A folder for files of the benchmark."""
    made = BENCH / name
    made.mkdir(parents=True, exist_ok=True)
    return made


def environment(peer: str) -> Path:
    """The folder with the peer's commands. Installs it again if its lock file changed."""
    lock = LOCKS / f"{peer}.txt"
    home = folder(peer) / "env"
    installed = home / "installed.txt"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        print(f"Setting up {home.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", "--require-hashes", "-r", str(lock)],
            check=True,
        )  # fmt: skip
        installed.write_bytes(lock.read_bytes())
    return home / "bin"


def versions(python: Path, *packages: str) -> dict[str, str]:
    return json.loads(subprocess.check_output([str(python), "-c", _VERSIONS, *packages]))


def with_sources(**variables: str) -> dict[str, str]:
    """Environment variables with which `sluice` can be imported from this repository."""
    return {"PYTHONPATH": str(ROOT / "src"), **variables}
