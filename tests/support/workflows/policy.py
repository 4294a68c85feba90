"""What every workflow must be, for what act leaves out: each rule returns the problems it finds.

A rule looks at all files at once: workflows and composite actions by their name, and the
ruleset that main is protected by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from sluice.approval import approved
from sluice.delivery import attestation

CI, DELIVER, RELEASE, ROLLBACK, REPORT = (
    f"{name}.yml" for name in ("ci", "deliver", "release", "rollback", "report")
)
RULESETS = "rulesets.json"
SETUP = "setup/action.yml"
# Which job may write what; whatever is not here reads.
WRITES = {
    (DELIVER, "build"): {"packages"},
    (DELIVER, "attest"): {"attestations", "id-token"},
    (DELIVER, "publish"): {"attestations", "contents", "id-token"},
    (RELEASE, "release"): {"attestations", "contents", "id-token"},
    (ROLLBACK, "rollback"): {"contents"},
    (REPORT, "comment"): {"pull-requests"},
    ("security.yml", "code"): {"security-events"},
    ("security.yml", "scorecard"): {"security-events"},
}
ENVIRONMENTS = {
    (DELIVER, "test"): "test",
    (RELEASE, "release"): "production",
    (ROLLBACK, "rollback"): "production",
}
CONDITIONAL = {
    (CI, "all-green"): "${{ always() }}",
    (REPORT, "comment"): "${{ github.event.workflow_run.event == 'pull_request' }}",
    ("security.yml", "dependencies"): (
        "${{ github.event_name == 'pull_request' && !github.event.repository.private }}"
    ),
    ("security.yml", "code"): "${{ !github.event.repository.private }}",
    ("security.yml", "scorecard"): (
        "${{ !github.event.repository.private && github.event_name != 'pull_request' }}"
    ),
}
_PUSHED = "${{ github.event_name == 'push' }}"
_NOT_CANCELLED = "${{ !cancelled() }}"
_ATTESTED = "${{ !github.event.repository.private || vars.ATTESTATIONS == 'private' }}"
_COMMANDS = ("make ", ".venv/bin/sluice ", "cat ", "cmp ", "python3 .github/all_green.py")
_FROM_PRODUCTION = "${{ secrets.RELEASE_TOKEN || github.token }}"
_APPROVED = [
    ".venv/bin/sluice approval confirm",
    "actions/attest",
    ".venv/bin/sluice approval release",
]
_SUMMARY = ' >> "$GITHUB_STEP_SUMMARY"'
_USES = re.compile(r"^\s*(?:- )?uses: (\S+)(?:  # (.*))?$", re.MULTILINE)
_PINNED = re.compile(r"([\w-]+/[\w.-]+)(?:/[\w.-]+)*@([0-9a-f]{40})")


@dataclass(frozen=True)
class File:
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
        # YAML 1.1 reads the key `on` as true.
        return set(self.data[True])

    def steps(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, job in self.jobs.items():
            yield from ((f"{self.name}: {name}", step) for step in job["steps"])
        if self.name.endswith("action.yml"):
            yield from ((self.name, step) for step in self.data["runs"]["steps"])


Files = dict[str, File]
Rule = Callable[[Files], list[str]]


def load(github: Path) -> Files:
    paths = sorted((github / "workflows").glob("*.yml"))
    paths += sorted((github / "actions").glob("*/action.yml"))
    files = {
        p.name if p.parent.name == "workflows" else f"{p.parent.name}/{p.name}": p for p in paths
    }
    files[RULESETS] = github / "settings" / RULESETS
    return {name: File(name, path.read_text("utf-8")) for name, path in files.items()}


def _workflows(files: Files) -> list[File]:
    return [file for file in files.values() if file.is_workflow]


def _jobs(files: Files) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for file in _workflows(files):
        yield from ((file.name, name, job) for name, job in file.jobs.items())


def _steps(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files.values():
        if file.name != RULESETS:
            yield from file.steps()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    else:
        yield str(value)


def _needs(job: dict[str, Any]) -> set[str]:
    needs = job.get("needs", [])
    return {needs} if isinstance(needs, str) else set(needs)


def _after(jobs: dict[str, Any], name: str) -> set[str]:
    """All that a job waits for, at whatever remove."""
    found = _needs(jobs[name])
    return found.union(*(_after(jobs, one) for one in found))


def nothing_is_permitted_at_the_top(files: Files) -> list[str]:
    return [
        f"{file.name}: permissions: {file.data.get('permissions', 'missing')}"
        for file in _workflows(files)
        if file.data.get("permissions") != {}
    ]


def each_job_writes_what_the_table_says(files: Files) -> list[str]:
    problems = []
    for file, name, job in _jobs(files):
        permissions = job.get("permissions")
        if not isinstance(permissions, dict) or not permissions:
            problems.append(f"{file}: {name}: permissions: {permissions}")
            continue
        writes = {scope for scope, value in permissions.items() if value != "read"}
        if writes != WRITES.get((file, name), set()):
            problems.append(f"{file}: {name}: writes {sorted(writes)}")
    there = {(file, name) for file, name, _ in _jobs(files)}
    return problems + [f"{file}: {name} is gone" for file, name in WRITES.keys() - there]


def pull_requests_write_nothing(files: Files) -> list[str]:
    """But findings, into a page that is GitHub's."""
    return [
        f"{file}: {name}: {scope}"
        for file, name, job in _jobs(files)
        if "pull_request" in files[file].triggers
        for scope, value in job.get("permissions", {}).items()
        if value != "read" and (file, scope) != ("security.yml", "security-events")
    ]


def untrusted_code_never_meets_a_token(files: Files) -> list[str]:
    problems = []
    for file in _workflows(files):
        if "pull_request_target" in file.triggers:
            problems.append(f"{file.name}: pull_request_target")
        if "workflow_run" not in file.triggers:
            continue
        if file.name != REPORT:
            problems.append(f"{file.name}: workflow_run")
        for where, step in file.steps():
            if "download-artifact" in step.get("uses", ""):
                problems.append(f"{where}: {step['uses']}")
    return problems


def checkouts_keep_no_token_and_take_no_other_code(files: Files) -> list[str]:
    problems = []
    for where, step in _steps(files):
        given = step.get("with", {})
        if not step.get("uses", "").startswith("actions/checkout@"):
            continue
        if given.get("persist-credentials") is not False:
            problems.append(f"{where}: persist-credentials")
        if other := given.keys() - {"persist-credentials", "fetch-depth"}:
            problems.append(f"{where}: {sorted(other)}")
    return problems


def every_action_is_pinned(files: Files) -> list[str]:
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
                problems.append(f"{file.name}: {uses}: another pin than elsewhere")
    return problems


def every_job_ends_on_a_known_machine(files: Files) -> list[str]:
    return [
        f"{file}: {name}"
        for file, name, job in _jobs(files)
        if job.get("runs-on") != "ubuntu-24.04" or not 0 < job.get("timeout-minutes", 0) <= 60
    ]


def no_failure_is_swallowed(files: Files) -> list[str]:
    """Neither by a key nor by the shell, which must stop at the first command that fails."""
    problems = []
    for file in files.values():
        problems += [
            f"{file.name}: {said}"
            for said in _strings(file.data)
            if said in ("continue-on-error", "defaults")
            or (re.search(r"\|\||set \+", said) and "${{" not in said)
        ]
    for where, step in _steps(files):
        if step.get("shell", "bash") != "bash":
            problems.append(f"{where}: shell: {step['shell']}")
    return problems


def nothing_is_pasted_into_a_shell(files: Files) -> list[str]:
    return [
        f"{where}: {step['run']}" for where, step in _steps(files) if "${{" in step.get("run", "")
    ]


def what_people_type_is_no_option(files: Files) -> list[str]:
    """A version that is '--help' would end well, and have looked at nothing."""
    problems = []
    for where, step in _steps(files):
        typed = [name for name, value in step.get("env", {}).items() if "inputs." in str(value)]
        for name in typed:
            said = f'"${name}"'
            before = step.get("run", "").partition(said)[0]
            if where.startswith(SETUP) or before.endswith("=") or " -- " in before:
                continue
            problems.append(f"{where}: {said} could be taken for an option")
    return problems


def nothing_is_decided_in_shell(files: Files) -> list[str]:
    """One plain command a line, every variable in quotes."""
    problems = []
    for where, step in _steps(files):
        for line in step.get("run", "").strip().splitlines():
            plain = line.removesuffix(_SUMMARY) if line.startswith("cat ") else line
            bare = re.sub(r'"[^"]*"', "", plain)
            odd = re.search(r"[;&|<>`\\$'\"(){}\[\]]", bare) or re.search(r"`|\$\(", plain)
            if not line.startswith(_COMMANDS) or odd:
                problems.append(f"{where}: {line}")
    return problems


def no_secrets(files: Files) -> list[str]:
    """But one: a token of the environment production, for jobs that wait for its approval."""
    problems = []
    for file in files.values():
        said = [text for text in _strings(file.data) if re.search(r"\bsecrets\b", text)]
        approved = [
            text
            for job in (file.jobs.values() if file.is_workflow else ())
            if job.get("environment") == "production"
            for step in job["steps"]
            if (text := step.get("env", {}).get("GITHUB_TOKEN")) == _FROM_PRODUCTION
        ]
        for text in approved:
            said.remove(text)
        problems += [f"{file.name}: {text}" for text in said]
    return problems


def caches_only_where_nothing_is_delivered(files: Files) -> list[str]:
    problems = [
        f"{where}: {step['uses']}"
        for where, step in _steps(files)
        if not where.startswith(f"{CI}:")
        and (
            step.get("uses", "").startswith("actions/cache")
            or step.get("with", {}).get("cache", "${{ inputs.cache }}") != "${{ inputs.cache }}"
        )
    ]
    problems += [
        f"{where}: a pull request could leave forged results behind"
        for where, step in _steps(files)
        if (use := step.get("uses", "")).startswith("actions/cache")
        and not use.startswith("actions/cache/restore@")
        and not (use.startswith("actions/cache/save@") and step.get("if") == _PUSHED)
    ]
    return problems + [
        f"{file.name}: caches unless told otherwise"
        for file in files.values()
        if file.name.endswith("/action.yml") and file.data["inputs"]["cache"]["default"]
    ]


def runs_do_not_cut_each_other_short(files: Files) -> list[str]:
    problems = []
    for file in _workflows(files):
        said = file.data.get("concurrency", {})
        writes = file.name in (DELIVER, RELEASE, ROLLBACK, REPORT)
        if not said.get("group") or (writes and said.get("cancel-in-progress") is not False):
            problems.append(f"{file.name}: concurrency: {said}")
    return problems


def environments_are_where_they_belong(files: Files) -> list[str]:
    there = {(file, name): job.get("environment") for file, name, job in _jobs(files)}
    return [
        f"{file}: {name}: environment: {there.get((file, name))}"
        for file, name in there.keys() | ENVIRONMENTS.keys()
        if there.get((file, name)) != ENVIRONMENTS.get((file, name))
    ]


def production_waits_for_preflight(files: Files) -> list[str]:
    problems = []
    for file, name in ((RELEASE, "release"), (ROLLBACK, "rollback")):
        jobs = files[file].jobs
        if set(jobs) != {"preflight", name} or _needs(jobs[name]) != {"preflight"}:
            problems.append(f"{file}: {name}: needs {sorted(_needs(jobs[name]))}")
        problems += [
            f"{file}: {name}: {key.upper()} is not what was approved"
            for step in jobs[name]["steps"]
            for key in ("digest", "champion")
            if step.get("run")
            and step["env"].get(key.upper()) != f"${{{{ needs.preflight.outputs.{key} }}}}"
        ]
        # What follows a step that failed must not run, so nothing here has a condition of its own.
        problems += [
            f"{file}: {name}: if: {step['if']}" for step in jobs[name]["steps"] if "if" in step
        ]
        if files[file].triggers != {"workflow_dispatch"}:
            problems.append(f"{file}: started by {sorted(files[file].triggers)}")
    return problems


def approvals_are_attested_before_the_release(files: Files) -> list[str]:
    """Of the digest on the page, under the name that the champion is asked for."""
    said = [
        step.get("run", step.get("uses", "")).partition(" --")[0].partition("@")[0]
        for step in files[RELEASE].jobs["release"]["steps"]
    ]
    problems = [] if said[-3:] == _APPROVED else [f"{RELEASE}: release: {said[-3:]}"]
    given = files[RELEASE].jobs["release"]["steps"][-2].get("with", {})
    wanted = {
        "subject-name": "delivery.json",
        "subject-digest": "sha256:${{ needs.preflight.outputs.digest }}",
        "predicate-type": attestation.APPROVAL,
        "predicate-path": f"out/approval/{approved.RECORD}",
    }
    return problems + ([] if given == wanted else [f"{RELEASE}: attests {given}"])


def all_green_needs_every_job(files: Files) -> list[str]:
    jobs = files[CI].jobs
    last = jobs.get("all-green", {})
    problems = []
    if _needs(last) != set(jobs) - {"all-green"}:
        problems.append(f"needs {sorted(_needs(last))} of {sorted(jobs)}")
    if last.get("steps", [{}])[-1].get("run") != "python3 .github/all_green.py":
        problems.append("does not look at what it needs")
    if last.get("steps", [{}])[-1].get("env") != {"NEEDS": "${{ toJSON(needs) }}"}:
        problems.append("looks at something else than what it needs")
    (main,) = (one for one in files[RULESETS].data if one["name"] == "main")
    rules = {rule["type"]: rule.get("parameters", {}) for rule in main["rules"]}
    required = rules.get("required_status_checks", {}).get("required_status_checks", [])
    if [one["context"] for one in required] != [last.get("name")]:
        problems.append(f"main requires {required}")
    return problems


def nothing_is_skipped(files: Files) -> list[str]:
    """A job that is skipped counts as passed on GitHub, and so does a step."""
    there = {(file, name): job.get("if") for file, name, job in _jobs(files)}
    problems = [
        f"{file}: {name}: if: {there.get((file, name))}"
        for file, name in there.keys() | CONDITIONAL.keys()
        if there.get((file, name)) != CONDITIONAL.get((file, name))
    ]
    for where, step in _steps(files):
        use = step.get("uses", "")
        own = {"actions/attest": _ATTESTED, "actions/cache/save": _PUSHED}
        if step.get("if") not in (None, own.get(use.partition("@")[0], _NOT_CANCELLED)):
            problems.append(f"{where}: if: {step['if']}")
    return problems


def delivery_goes_the_whole_road(files: Files) -> list[str]:
    jobs = files[DELIVER].jobs
    road = {"build": set(), "rebuild": {"build"}, "attest": {"build", "rebuild"}}
    road |= {"test": {*road, "attest"}, "publish": {*road, "attest", "test"}}
    if set(jobs) != set(road):
        return [f"{DELIVER}: {sorted(jobs)}"]
    problems = [
        f"{DELIVER}: {name} comes after {sorted(_after(jobs, name))}"
        for name, before in road.items()
        if _after(jobs, name) != before
    ]
    if files[DELIVER].data[True] != {"push": {"branches": ["main"]}}:
        problems.append(f"{DELIVER}: started by {files[DELIVER].data[True]}")
    return problems


RULES: tuple[Rule, ...] = (
    nothing_is_permitted_at_the_top,
    each_job_writes_what_the_table_says,
    pull_requests_write_nothing,
    untrusted_code_never_meets_a_token,
    checkouts_keep_no_token_and_take_no_other_code,
    every_action_is_pinned,
    every_job_ends_on_a_known_machine,
    no_failure_is_swallowed,
    nothing_is_pasted_into_a_shell,
    what_people_type_is_no_option,
    nothing_is_decided_in_shell,
    no_secrets,
    caches_only_where_nothing_is_delivered,
    runs_do_not_cut_each_other_short,
    environments_are_where_they_belong,
    production_waits_for_preflight,
    approvals_are_attested_before_the_release,
    all_green_needs_every_job,
    nothing_is_skipped,
    delivery_goes_the_whole_road,
)
