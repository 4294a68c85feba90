"""Workflows run for real by act, without Docker for the jobs, each in a clean clone.

What act leaves out (environments, permissions, concurrency, time-outs) is tested on the parsed
YAML. Third-party actions are replaced, as each action.yml there describes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from support import preloaded
from support.preloaded.command import write_programs
from support.preloaded.request import ADDRESS, TIED

HERE = Path(__file__).parent
STANDINS, COMMANDS = HERE / "actions", HERE / "bin"
BIN = Path(sys.executable).parent
_USES = re.compile(r"uses: ([\w-]+/[\w-]+)(?:/[\w-]+)?@([0-9a-f]{40})")
_SECONDS = 900
# What a machine needs to reach its package registry.
_KEPT = ("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "OPENBLAS_CORETYPE")


@dataclass
class Ran:
    """A finished run. jobs: the result of each job that ran. log: the output of all steps, without
    that of act.
    """

    status: int
    jobs: dict[str, str]
    log: str
    steps: list[tuple[str, str, str]]

    def said(self, text: str) -> bool:
        return text in self.log

    def failed_step(self) -> str:
        return next((name for _, name, result in self.steps if result == "failure"), "")


@dataclass
class Workflows:
    """A fork, and the fake GitHub that its workflows use."""

    root: Path
    state: Path
    home: Path
    api: str
    token: str
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self, event: str, workflow: str, job: str = "", *, payload: Any = None, cancel_at: str = ""
    ) -> Ran:
        """Run a workflow on an event; with a job, only this one and those that it needs.

        Of a matrix of Python versions, only one runs. The run is cancelled as soon as it prints
        `cancel_at`.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        file = self.state / "event.json"
        file.write_text(json.dumps(payload or {}), "utf-8")
        command = [
            str(BIN / "act"),
            event,
            "--workflows",
            str(self._for_act(workflow)),
            "--platform",
            "ubuntu-24.04=-self-hosted",
            "--no-skip-checkout",
            "--json",
            "--eventpath",
            str(file),
            "--actor",
            str((payload or {}).get("sender", {}).get("login", "octocat")),
            "--secret",
            f"GITHUB_TOKEN={self.token}",
            "--matrix",
            "python:3.13",
            *(("--job", job) if job else ()),
            *self._standins(),
            *self._variables(cancelled=bool(cancel_at)),
        ]
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self._own(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            late = Timer(_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
            late.start()
            try:
                out = list(_cancelled(process, cancel_at))
                process.wait()
                assert late.is_alive(), f"act did not end within {_SECONDS} s"
            finally:
                late.cancel()
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        return _read(process.returncode, out)

    def _for_act(self, workflow: str) -> Path:
        """The workflow without a key that act does not know, and with one image built quickly.

        The first image of a delivery may use layers of other tests. The second one is built without
        any, as in production, and must be the same.
        """
        text = (self.root / f".github/workflows/{workflow}.yml").read_text("utf-8")
        file = self.state / f"{workflow}.yml"
        text = text.replace("      queue: max\n", "").replace("candidate FRESH=yes", "candidate")
        file.write_text(text, "utf-8")
        return file

    def artifact(self, name: str) -> Path:
        return self.state / "artifacts" / name

    def artifacts(self, pattern: str) -> list[Path]:
        """The artifacts whose names match."""
        return sorted((self.state / "artifacts").glob(pattern))

    def forget_artifacts(self) -> None:
        shutil.rmtree(self.state / "artifacts", ignore_errors=True)

    def summaries(self) -> str:
        """The job summaries, which act keeps with each job's files."""
        found = sorted(self.home.rglob("SUMMARY*"))
        return "\n".join(path.read_text("utf-8", "replace") for path in found)

    def _standins(self) -> list[str]:
        used = {
            match
            for path in (self.root / ".github").rglob("*.yml")
            for match in _USES.findall(path.read_text("utf-8"))
        }
        return [
            word
            for name, commit in sorted(used)
            for word in (
                "--local-repository",
                f"{name}@{commit}={STANDINS / name.partition('/')[2]}",
            )
        ]

    def _variables(self, *, cancelled: bool) -> list[str]:
        env = {
            "STANDINS": str(STANDINS),
            "STANDIN_ORIGIN": str(self.root),
            "STANDIN_STATE": str(self.state),
            **self._programs(cancelled=cancelled),
            "GITHUB_API_URL": self.api,
            "DVC_SITE_CACHE_DIR": str(self.state / "dvc"),
            **self.environment,
        }
        given = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
        for name, value in self.variables.items():
            given += ["--var", f"{name}={value}"]
        return given

    def _programs(self, *, cancelled: bool) -> dict[str, str]:
        """The search path of a job, in which sluice need not import its libraries in each step."""
        folder = self.state / "bin"
        if not folder.exists():
            write_programs(folder, BIN)
        # The signal of act reaches only what act itself has started.
        tied = {TIED: "yes"} if cancelled else {}
        return {"STANDIN_BIN": str(folder), ADDRESS: preloaded.server(), **tied}

    def _own(self) -> dict[str, str]:
        """Use none of the machine's environment variables, and a temporary home folder."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        path = os.pathsep.join([str(COMMANDS), "/usr/local/bin", "/usr/bin", "/bin"])
        return {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.home), **kept}


def _cancelled(process: subprocess.Popen[str], at: str) -> Iterator[str]:
    for line in process.stdout or ():
        yield line
        if at and at in line:
            process.send_signal(signal.SIGINT)
            at = ""
    assert not at, f"not cancelled: the run never said {at!r}"


def _read(status: int, out: list[str]) -> Ran:
    jobs: dict[str, str] = {}
    steps: list[tuple[str, str, str]] = []
    said = []
    for line in out:
        try:
            entry = json.loads(line)
        except ValueError:
            said.append(line.rstrip())
            continue
        if "jobResult" in entry:
            worst = jobs.get(entry["jobID"])
            jobs[entry["jobID"]] = worst if worst == "failure" else entry["jobResult"]
        if "stepResult" in entry and entry.get("stage") == "Main":
            steps.append((entry["jobID"], entry["step"], entry["stepResult"]))
        said.append(str(entry.get("msg", "")).rstrip())
    return Ran(status, jobs, "\n".join(said), steps)
