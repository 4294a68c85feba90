"""What a step may run: one plain command on each line, whose failure ends the job."""

from __future__ import annotations

import re

from support.workflows.policy.files import SETUP, Files, all_steps, strings

_COMMANDS = (
    "make ",
    ".venv/bin/sluice ",
    "cat ",
    "cmp ",
    "python3 .github/all_green.py",
    "python3 -I base/.github/scope.py change",
)
_SUMMARY = ' >> "$GITHUB_STEP_SUMMARY"'


def failures_are_not_ignored(files: Files) -> list[str]:
    """Neither a key of a workflow nor an option of the shell makes a failure pass."""
    problems = []
    for file in files.values():
        problems += [
            f"{file.name}: {said}"
            for said in strings(file.data)
            if said in ("continue-on-error", "defaults")
            or (re.search(r"\|\||set \+", said) and "${{" not in said)
        ]
    for where, step in all_steps(files):
        if step.get("shell", "bash") != "bash":
            problems.append(f"{where}: shell: {step['shell']}")
    return problems


def expressions_are_not_pasted_into_commands(files: Files) -> list[str]:
    return [
        f"{where}: {step['run']}"
        for where, step in all_steps(files)
        if "${{" in step.get("run", "")
    ]


def inputs_cannot_be_taken_for_options(files: Files) -> list[str]:
    """With the version '--help' a command would succeed without checking anything."""
    problems = []
    for where, step in all_steps(files):
        typed = [name for name, value in step.get("env", {}).items() if "inputs." in str(value)]
        for name in typed:
            said = f'"${name}"'
            before = step.get("run", "").partition(said)[0]
            if where.startswith(SETUP) or before.endswith("=") or " -- " in before:
                continue
            problems.append(f"{where}: {said} could be taken for an option")
    return problems


def commands_are_plain(files: Files) -> list[str]:
    """Each line has one known command, and every variable is in quotes."""
    problems = []
    for where, step in all_steps(files):
        for line in step.get("run", "").strip().splitlines():
            plain = line.removesuffix(_SUMMARY) if line.startswith("cat ") else line
            bare = re.sub(r'"[^"]*"', "", plain)
            odd = re.search(r"[;&|<>`\\$'\"(){}\[\]]", bare) or re.search(r"`|\$\(", plain)
            if not line.startswith(_COMMANDS) or odd:
                problems.append(f"{where}: {line}")
    return problems
