"""The files that a rule looks at: workflows, composite actions, and the ruleset of main."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

CI, DELIVER, RELEASE, ROLLBACK, REPORT, SECURITY, MONITOR, FULL = (
    f"{name}.yml"
    for name in (
        *("ci", "deliver", "release", "rollback", "report", "security", "monitor"),
        "full-tests",
    )
)
RULESETS = "rulesets.json"
SETUP = "setup/action.yml"


@dataclass(frozen=True)
class File:
    """name: the file name of a workflow, or the folder and the file name of an action."""

    name: str
    text: str

    @cached_property
    def data(self) -> Any:
        return yaml.safe_load(self.text)

    @property
    def is_workflow(self) -> bool:
        return self.name.endswith(".yml") and "/" not in self.name

    @property
    def jobs(self) -> dict[str, Any]:
        return dict(self.data["jobs"]) if self.is_workflow else {}

    @property
    def triggers(self) -> set[str]:
        """The events that start the workflow."""
        return set(self.data[True])  # YAML 1.1 reads the key `on` as true.

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each step with its location."""
        for name, job in self.jobs.items():
            yield from ((f"{self.name}: {name}", step) for step in job["steps"])
        if self.name.endswith("action.yml"):
            yield from ((self.name, step) for step in self.data["runs"]["steps"])


Files = dict[str, File]
Rule = Callable[[Files], list[str]]  # returns the problems that it finds
# A rule, and a change of a file that it must find: the file, the old text and the new text.
Violation = tuple[Rule, str, str, str]


def load(github: Path) -> Files:
    """All files below a folder `.github`, by their names."""
    paths = sorted((github / "workflows").glob("*.yml"))
    paths += sorted((github / "actions").glob("*/action.yml"))
    files = {
        p.name if p.parent.name == "workflows" else f"{p.parent.name}/{p.name}": p for p in paths
    }
    files[RULESETS] = github / "settings" / RULESETS
    return {name: File(name, path.read_text("utf-8")) for name, path in files.items()}


def workflows(files: Files) -> list[File]:
    return [file for file in files.values() if file.is_workflow]


def all_jobs(files: Files) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the file name, the job name and the content of every job."""
    for file in workflows(files):
        yield from ((file.name, name, job) for name, job in file.jobs.items())


def all_steps(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files.values():
        if file.name != RULESETS:
            yield from file.steps()


def strings(value: Any) -> Iterator[str]:
    """All keys and values of a document, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


def needs(job: dict[str, Any]) -> set[str]:
    """The jobs that a job names as its needs."""
    named = job.get("needs", [])
    return {named} if isinstance(named, str) else set(named)


def all_needs(jobs: dict[str, Any], name: str) -> set[str]:
    """The needs of a job, their needs, and so on."""
    found = needs(jobs[name])
    return found.union(*(all_needs(jobs, one) for one in found))
