"""A project on disk for a test: change something, run the real commands, read the results."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from support import preloaded

COMMANDS = Path(sys.executable).parent
WHEN = "2026-01-02T03:04:05Z"
_SECONDS = 900
_WHO = {
    "GIT_AUTHOR_NAME": "toy",
    "GIT_AUTHOR_EMAIL": "toy@example.org",
    "GIT_COMMITTER_NAME": "toy",
    "GIT_COMMITTER_EMAIL": "toy@example.org",
    "GIT_AUTHOR_DATE": WHEN,
    "GIT_COMMITTER_DATE": WHEN,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


# Files that nobody writes in place: copies share them, because copying takes longer than most
# tests. `Toy.write` replaces a file, as git, DVC and sluice do.
_SHARED = (".git/objects/", ".dvc/cache/files/", "src/sluice/", "out/package/code/")


def _packages(folder: str, names: list[str]) -> list[str]:
    return ["dist"] if (Path(folder) / "dvc.yaml").exists() else []


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def line(self) -> str:
        """The last line that sluice prints."""
        lines = [line for line in self.err.splitlines() if line.startswith("sluice: ")]
        return lines[-1].removeprefix("sluice: ") if lines else ""

    def went_well(self) -> Ran:
        assert self.status == 0, self.said
        return self


@dataclass(frozen=True)
class Toy:
    root: Path

    def run(self, *command: str, **environment: str) -> Ran:
        done = subprocess.run(
            command,
            check=False,
            cwd=self.root,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"
        own = {
            "PATH": path,
            "DVC_SITE_CACHE_DIR": str(self.root / ".dvc/tmp/site"),
        }
        return {**os.environ, **_WHO, **own, **more}

    def start(self, *arguments: str, **environment: str) -> Ran:
        """Run `sluice …` with an interpreter of its own, which imports everything again."""
        return self.run(sys.executable, "-m", "sluice.cli", *arguments, **environment)

    def sluice(self, *arguments: str, **environment: str) -> Ran:
        """Run `sluice …` in a process of its own, without the time that imports take."""
        return self._module("sluice.cli", *arguments, **environment)

    def dvc(self, *arguments: str) -> Ran:
        return self._module("dvc", *arguments)

    def _module(self, name: str, *arguments: str, **environment: str) -> Ran:
        """Run `python -m name`, without the time that its imports take if that is possible."""
        given = self.environment(**environment)
        own_code = ("PYTHONPATH", str(self.root / "src"))  # code that a fork can load too
        if preloaded.needs_an_interpreter(dict(given.items() - {own_code})):
            return self.run(sys.executable, "-m", name, *arguments, **environment)
        done = preloaded.run(name, *arguments, cwd=self.root, environment=given, timeout=_SECONDS)
        return Ran(done.returncode, done.stdout, done.stderr)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).went_well().out.strip()

    def copy(self, root: Path) -> Toy:
        """A copy of the project in another folder, with DVC's cache but without packages."""
        shared = tuple(f"{self.root}/{folder}" for folder in _SHARED)

        def copy(file: str, to: str) -> None:
            (os.link if file.startswith(shared) else shutil.copy2)(file, to)

        shutil.copytree(self.root, root, symlinks=True, ignore=_packages, copy_function=copy)
        return Toy(root)

    def require_unchanged(self) -> None:
        """Fail if someone has written to a file which copies share."""
        self.git("fsck", "--strict", "--no-dangling")
        for path in (self.root / ".dvc/cache/files/md5").glob("??/*"):
            md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            assert md5 == f"{path.parent.name}{path.name}".removesuffix(".dir"), path
        assert self.git("status", "--porcelain") == ""

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "toy")

    @property
    def packages(self) -> list[Path]:
        return sorted((self.root / "dist").glob("*"))

    @property
    def package(self) -> Path:
        (only,) = self.packages
        return only

    def report(self) -> dict[str, Any]:
        return self.json("out/report/report.json")

    def verdict(self, gate: str) -> dict[str, Any]:
        return self.json(f"out/verdicts/{gate}.json")

    def findings(self, gate: str) -> dict[str, dict[str, Any]]:
        return {finding["name"]: finding for finding in self.verdict(gate)["findings"]}

    def json(self, name: str) -> Any:
        return json.loads(self.text(name))

    def text(self, name: str) -> str:
        return (self.root / name).read_text("utf-8")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        # DVC may share one file between copies: never write through a link.
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    @contextmanager
    def params(self) -> Iterator[dict[str, Any]]:
        """Change params.yaml in place."""
        settings = self.json("params.yaml")
        yield settings
        self.write_params(settings)

    def write_params(self, settings: dict[str, Any]) -> None:
        # JSON is YAML.
        self.write("params.yaml", json.dumps(settings, indent=1) + "\n")

    def data(self) -> pd.DataFrame:
        """Change the data as text, so that nothing else in it changes."""
        text = self.text("data/toy.csv")
        return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)

    def write_data(self, frame: pd.DataFrame) -> None:
        self.write("data/toy.csv", frame.to_csv(index=False, lineterminator="\n"))
