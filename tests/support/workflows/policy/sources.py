"""Where actions, machines and cached files come from."""

from __future__ import annotations

import re

from support.workflows.policy.files import CI, FULL, Files, all_jobs, all_steps

_USES = re.compile(r"^\s*(?:- )?uses: (\S+)(?:  # (.*))?$", re.MULTILINE)
_PINNED = re.compile(r"([\w-]+/[\w.-]+)(?:/[\w.-]+)*@([0-9a-f]{40})")

_MOST_MINUTES = {FULL: 240}  # of other workflows 60


def actions_are_pinned(files: Files) -> list[str]:
    problems, pins = [], {}
    for file in files.values():
        said = _USES.findall(file.text)
        if len(said) != len(re.findall(r"\buses\b", re.sub(r"(?m)^\s*#.*$", "", file.text))):
            problems.append(f"{file.name}: a `uses` that is not on a line of its own")
        for uses, comment in said:
            if uses.startswith("./.github/actions/"):
                continue
            pinned = _PINNED.fullmatch(uses)
            if pinned is None or not re.fullmatch(r"v\d+\.\d+\.\d+", comment):
                problems.append(f"{file.name}: {uses}  # {comment}")
            elif pins.setdefault(pinned[1], (pinned[2], comment)) != (pinned[2], comment):
                problems.append(f"{file.name}: {uses}: elsewhere it has another pin")
    return problems


def jobs_have_a_fixed_runner_and_a_time_limit(files: Files) -> list[str]:
    return [
        f"{file}: {name}"
        for file, name, job in all_jobs(files)
        if job.get("runs-on") != "ubuntu-24.04"
        or not 0 < job.get("timeout-minutes", 0) <= _MOST_MINUTES.get(file, 60)
    ]


def only_ci_has_caches(files: Files) -> list[str]:
    """Only CI has caches, and only of downloaded libraries, which pip compares with the locks."""
    problems = [
        f"{where}: {step['uses']}"
        for where, step in all_steps(files)
        if step.get("uses", "").startswith("actions/cache")
        or (
            not where.startswith(f"{CI}:")
            and step.get("with", {}).get("cache", "${{ inputs.cache }}") != "${{ inputs.cache }}"
        )
    ]
    return problems + [
        f"{file.name}: has a cache by default"
        for file in files.values()
        if file.name.endswith("/action.yml") and file.data["inputs"]["cache"]["default"]
    ]
