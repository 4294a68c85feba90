"""What a job may write, read and check out."""

from __future__ import annotations

import re
from typing import Any

from support.workflows.policy.files import (
    CI,
    DELIVER,
    MONITOR,
    RELEASE,
    REPORT,
    ROLLBACK,
    SECURITY,
    Files,
    all_jobs,
    all_steps,
    strings,
    workflows,
)

# All other jobs only read.
WRITES = {
    (DELIVER, "image"): {"packages"},
    (DELIVER, "attest"): {"attestations", "id-token"},
    (DELIVER, "publish"): {"attestations", "contents", "id-token"},
    (RELEASE, "canary"): {"attestations", "deployments", "id-token"},
    (RELEASE, "approve"): {"attestations", "id-token"},
    (RELEASE, "release"): {"attestations", "contents", "id-token"},
    (ROLLBACK, "rollback"): {"attestations", "contents", "id-token"},
    (MONITOR, "propose"): {"contents", "pull-requests"},
    (REPORT, "comment"): {"pull-requests"},
    (SECURITY, "code"): {"security-events"},
    (SECURITY, "scorecard"): {"security-events"},
}
ENVIRONMENTS = {
    (DELIVER, "test"): "test",
    (DELIVER, "publish"): "publish",
    (MONITOR, "propose"): "publish",
    (RELEASE, "canary"): "canary",
    # Production, or publish where params.yaml asks for no second approval; the command verifies it.
    (RELEASE, "approve"): "${{ needs.preflight.outputs.environment }}",
    (RELEASE, "release"): "publish",
    (ROLLBACK, "approve"): "production",
    (ROLLBACK, "rollback"): "publish",
}
# The only steps that get the token which may change releases, by the command of each.
_TOKEN_STEPS = {
    (DELIVER, "publish"): "delivery publish",
    (RELEASE, "release"): "approval release",
    (ROLLBACK, "rollback"): "approval rollback",
}
# The decision about a pull request is made by the code of the base branch.
DECISION = [
    {
        "persist-credentials": False,
        "ref": "${{ github.event.pull_request.base.sha }}",
        "path": "base",
    },
    {"persist-credentials": False, "fetch-depth": 2, "path": "change"},
]
_GIVEN = "${{ secrets.RELEASE_TOKEN || github.token }}"
# The step that asks for the token of an App, and the one that opens a pull request with it.
_KEY = "${{ secrets.RETRAINING_KEY }}"
_APP = {
    "client-id": "${{ vars.RETRAINING_APP }}",
    "private-key": _KEY,
    "permission-contents": "write",
    "permission-pull-requests": "write",
}
_APP_TOKEN = "${{ steps.app.outputs.token || github.token }}"  # noqa: S105


def workflows_grant_no_permissions(files: Files) -> list[str]:
    return [
        f"{file.name}: permissions: {file.data.get('permissions', 'missing')}"
        for file in workflows(files)
        if file.data.get("permissions") != {}
    ]


def jobs_write_only_what_the_table_says(files: Files) -> list[str]:
    problems = []
    for file, name, job in all_jobs(files):
        permissions = job.get("permissions")
        if not isinstance(permissions, dict) or not permissions:
            problems.append(f"{file}: {name}: permissions: {permissions}")
            continue
        writes = {scope for scope, value in permissions.items() if value != "read"}
        if writes != WRITES.get((file, name), set()):
            problems.append(f"{file}: {name}: writes {sorted(writes)}")
    there = {(file, name) for file, name, _ in all_jobs(files)}
    return problems + [f"{file}: {name} is gone" for file, name in WRITES.keys() - there]


def pull_requests_cannot_write(files: Files) -> list[str]:
    """The findings of the code scan are the exception: they only go to GitHub's page."""
    return [
        f"{file}: {name}: {scope}"
        for file, name, job in all_jobs(files)
        if "pull_request" in files[file].triggers
        for scope, value in job.get("permissions", {}).items()
        if value != "read" and (file, scope) != (SECURITY, "security-events")
    ]


def untrusted_code_gets_no_token(files: Files) -> list[str]:
    problems = []
    for file in workflows(files):
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
    """The job that decides about a pull request is an exception, and runs none of its actions."""
    problems, decision = [], []
    for where, step in all_steps(files):
        given = step.get("with", {})
        if where == f"{CI}: scope" and "uses" in step:
            decision.append(given)
            problems += [] if _is_checkout(step["uses"]) else [f"{where}: {step['uses']}"]
            continue
        if not _is_checkout(step.get("uses", "")):
            continue
        if given.get("persist-credentials") is not False:
            problems.append(f"{where}: persist-credentials")
        if other := given.keys() - {"persist-credentials", "fetch-depth"}:
            problems.append(f"{where}: {sorted(other)}")
    return problems + ([] if decision == DECISION else [f"{CI}: scope: checks out {decision}"])


def _is_checkout(uses: str) -> bool:
    return uses.startswith("actions/checkout@")


def only_the_steps_of_the_table_have_a_secret(files: Files) -> list[str]:
    """Each secret belongs to an environment that only main may use, and one step of a job gets it.

    Three jobs change releases with a token; a fourth asks for the token of an App.
    """
    problems = []
    for file in files.values():
        said = [text for text in strings(file.data) if re.search(r"\bsecrets\b", text)]
        for name, job in file.jobs.items():
            command = _TOKEN_STEPS.get((file.name, name))
            right = [
                one
                for one in job["steps"]
                if one.get("env", {}).get("GITHUB_TOKEN") == _GIVEN
                and command
                and f"sluice {command}" in one["run"]
            ]
            if command and len(right) != 1:
                problems.append(f"{file.name}: {name}: {len(right)} steps have the token")
            for _ in right if job.get("environment") == "publish" else ():
                said.remove(_GIVEN)
            if (file.name, name) == (MONITOR, "propose") and _takes_the_app_token(job):
                said.remove(_KEY)
        problems += [f"{file.name}: {text}" for text in said]
    return problems


def _takes_the_app_token(job: dict[str, Any]) -> bool:
    """Whether one step requests the token of an App and one other step uses it, as required."""
    asks = [one for one in job["steps"] if "create-github-app-token" in one.get("uses", "")]
    gets = [one for one in job["steps"] if "steps.app." in str(one)]
    return (
        job.get("environment") == "publish"
        and [(one.get("id"), one.get("with")) for one in asks] == [("app", _APP)]
        and [one.get("env") for one in gets] == [{"GITHUB_TOKEN": _APP_TOKEN}]
        and "sluice github propose " in gets[0]["run"]
    )


def jobs_use_the_environments_of_the_table(files: Files) -> list[str]:
    there = {(file, name): job.get("environment") for file, name, job in all_jobs(files)}
    return [
        f"{file}: {name}: environment: {there.get((file, name))}"
        for file, name in there.keys() | ENVIRONMENTS.keys()
        if there.get((file, name)) != ENVIRONMENTS.get((file, name))
    ]
