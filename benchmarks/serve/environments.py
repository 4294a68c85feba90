"""Each peer in an environment of its own, from its pinned requirements."""

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
    made = BENCH / name
    made.mkdir(parents=True, exist_ok=True)
    return made


def environment(peer: str) -> Path:
    """The folder of the peer's commands; made anew when its requirements changed."""
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
    """Variables under which `sluice` can be imported from this work tree."""
    return {"PYTHONPATH": str(ROOT / "src"), **variables}
