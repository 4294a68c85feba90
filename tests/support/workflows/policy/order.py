"""Which jobs run, in which order, and what skips or cancels them."""

from __future__ import annotations

from sluice.approval import records
from sluice.delivery import publication
from support.workflows.policy.files import (
    CI,
    DELIVER,
    RELEASE,
    REPORT,
    ROLLBACK,
    RULESETS,
    SECURITY,
    Files,
    all_jobs,
    all_needs,
    all_steps,
    needs,
    workflows,
)

# All other jobs have no condition.
CONDITIONAL = {
    (CI, "scope"): "${{ github.event_name == 'pull_request' }}",
    (CI, "test"): "${{ !cancelled() && needs.scope.outputs.machinery != 'skip' }}",
    (CI, "record"): "${{ !cancelled() }}",
    (CI, "cluster"): "${{ !cancelled() && needs.scope.outputs.cluster != 'skip' }}",
    (CI, "all-green"): "${{ always() }}",
    (RELEASE, "preflight"): (
        "${{ github.event_name == 'workflow_dispatch' || (github.event.deployment.task == 'canary' "
        "&& github.event.deployment_status.state == 'success') }}"
    ),
    (RELEASE, "canary"): "${{ github.event_name == 'workflow_dispatch' }}",
    (RELEASE, "rehearse"): "${{ needs.canary.outputs.server == 'none' }}",
    (RELEASE, "approve"): (
        "${{ !cancelled() && needs.preflight.result == 'success' && (needs.rehearse.result == "
        "'success' || github.event_name == 'deployment_status') }}"
    ),
    (RELEASE, "release"): "${{ !cancelled() && needs.approve.result == 'success' }}",
    (REPORT, "comment"): "${{ github.event.workflow_run.event == 'pull_request' }}",
    (SECURITY, "dependencies"): (
        "${{ github.event_name == 'pull_request' && !github.event.repository.private }}"
    ),
    (SECURITY, "code"): "${{ !github.event.repository.private }}",
    (SECURITY, "scorecard"): (
        "${{ !github.event.repository.private && github.event_name != 'pull_request' }}"
    ),
}
_DECIDED = {
    "outputs": {
        "machinery": "${{ steps.decide.outputs.machinery }}",
        "cluster": "${{ steps.decide.outputs.cluster }}",
    },
    "steps": [{"id": "decide", "run": "python3 -I base/.github/scope.py change"}],
    "needs": {"scope"},
    "cluster": {"scope", "pipeline"},
}
_BY_APP = "${{ vars.RETRAINING_APP != '' }}"  # which App opens the pull request of a retraining
_NOT_CANCELLED = "${{ !cancelled() }}"
_ATTESTED = "${{ !github.event.repository.private || vars.ATTESTATIONS == 'private' }}"
_DIGEST = {
    "subject-name": "delivery.json",
    "subject-digest": "sha256:${{ needs.preflight.outputs.digest }}",
}
# The last steps of jobs: the commands, and what is attested between or after them.
_ATTESTING: dict[tuple[str, str], list[str | dict[str, str]]] = {
    (RELEASE, "canary"): [
        "approval desire",
        {
            **_DIGEST,
            "predicate-type": publication.DESIRED,
            "predicate-path": f"out/approval/{records.DESIRED}",
        },
        "approval announce",
    ],
    (RELEASE, "approve"): [
        "approval confirm",
        {
            **_DIGEST,
            "predicate-type": publication.APPROVED,
            "predicate-path": f"out/approval/{records.APPROVAL}",
        },
    ],
    (RELEASE, "release"): [
        "approval release",
        {
            **_DIGEST,
            "predicate-type": publication.RELEASED,
            "predicate-path": f"out/approval/{records.RELEASE}",
        },
    ],
    (ROLLBACK, "approve"): ["approval confirm"],
    (ROLLBACK, "rollback"): [
        "approval revoke",
        {
            "subject-checksums": f"out/approval/{records.SUBJECTS}",
            "predicate-type": publication.REVOKED,
            "predicate-path": f"out/approval/{records.ROLLBACK}",
        },
        "approval rollback",
    ],
}
# The jobs in their order: each one waits for all earlier ones.
_TO_PRODUCTION = {
    RELEASE: ("preflight", "canary", "rehearse", "approve", "release"),
    ROLLBACK: ("preflight", "approve", "rollback"),
}
_REHEARSED = [
    '.venv/bin/sluice delivery fetch --approved "$DIGEST" -- "$VERSION"',
    ".venv/bin/sluice champion fetch",
    ".venv/bin/sluice rollout rehearse out/candidate/package.tar --champion out/champion",
    'cat out/rollout/report.md >> "$GITHUB_STEP_SUMMARY"',
]
# The events that start each of these workflows.
_STARTED_BY = {RELEASE: {"workflow_dispatch", "deployment_status"}, ROLLBACK: {"workflow_dispatch"}}
_ONE_AT_A_TIME = {"group": "production", "cancel-in-progress": False, "queue": "max"}


def runs_that_write_are_not_cancelled(files: Files) -> list[str]:
    problems = []
    for file in workflows(files):
        said = file.data.get("concurrency", {})
        writes = file.name in (DELIVER, RELEASE, ROLLBACK, REPORT)
        if not said.get("group") or (writes and said.get("cancel-in-progress") is not False):
            problems.append(f"{file.name}: concurrency: {said}")
    return problems


def production_waits_for_preflight(files: Files) -> list[str]:
    """Production waits for preflight and for approvals; a release also for the canary's verdict."""
    problems = []
    for file, order in _TO_PRODUCTION.items():
        jobs = files[file].jobs
        wanted = {name: set(order[:at]) for at, name in enumerate(order)}
        if {name: needs(job) for name, job in jobs.items()} != wanted:
            problems.append(f"{file}: {[(name, sorted(needs(job))) for name, job in jobs.items()]}")
        for name in jobs.keys() & set(order[1:]):
            problems += [
                f"{file}: {name}: {key.upper()} is not the approved one"
                for step in jobs[name]["steps"]
                for key in ("digest", "champion")
                if f'"${key.upper()}"' in step.get("run", "")
                or ("approval" in step.get("run", "") and "announce" not in step["run"])
                if step["env"].get(key.upper()) != f"${{{{ needs.preflight.outputs.{key} }}}}"
            ]
            # No step has a condition, so none runs after a failure; the verdict is always shown.
            problems += [
                f"{file}: {name}: if: {step['if']}"
                for step in jobs[name]["steps"]
                if "if" in step and name != "rehearse"
            ]
        if files[file].triggers != _STARTED_BY[file]:
            problems.append(f"{file}: started by {sorted(files[file].triggers)}")
    return problems


def a_release_follows_the_verdict_on_its_package(files: Files) -> list[str]:
    """The verdict is on the approved digest, compares with the champion, and is shown to the
    approver.
    """
    runs = [one["run"] for one in files[RELEASE].jobs["rehearse"]["steps"] if "run" in one]
    return [] if runs == _REHEARSED else [f"{RELEASE}: rehearse: {runs}"]


def what_happens_to_production_is_attested(files: Files) -> list[str]:
    """Approvals, releases and rollbacks are attested for the digest that the approver saw, by the
    job that carries them out: an approval before the release, a release after it, and a rollback
    before it changes anything.
    """
    problems = []
    for (file, name), wanted in _ATTESTING.items():
        steps = files[file].jobs.get(name, {}).get("steps", [])
        ours = [one for one in steps if "approval" in one.get("run", "") or "attest@" in str(one)]
        found = [one.get("with") or _command(one["run"]) for one in ours]
        if found != wanted or ours != steps[-len(wanted) :]:
            problems.append(f"{file}: {name}: {found}")
    return problems


def _command(run: str) -> str:
    return " ".join(run.partition("sluice ")[2].split()[:2])


def production_changes_one_run_at_a_time(files: Files) -> list[str]:
    """The jobs that change production have one concurrency group, which no other job shares, and
    every run waits in it for its turn. Whole runs are not in the group: one that waits for its
    approval would then block even a rollback.
    """
    found = {
        (file, name): job["concurrency"]
        for file, name, job in all_jobs(files)
        if "concurrency" in job
    }
    wanted = dict.fromkeys(((RELEASE, "release"), (ROLLBACK, "rollback")), _ONE_AT_A_TIME)
    problems = [] if found == wanted else [f"concurrency of jobs: {found}"]
    return problems + [
        f"{file.name}: the group production"
        for file in workflows(files)
        if file.data.get("concurrency", {}).get("group") == "production"
    ]


def all_green_needs_every_job(files: Files) -> list[str]:
    jobs = files[CI].jobs
    last = jobs.get("all-green", {})
    problems = []
    if needs(last) != set(jobs) - {"all-green"}:
        problems.append(f"needs {sorted(needs(last))} of {sorted(jobs)}")
    if last.get("steps", [{}])[-1].get("run") != "python3 .github/all_green.py":
        problems.append("does not check what it needs")
    if last.get("steps", [{}])[-1].get("env") != {"NEEDS": "${{ toJSON(needs) }}"}:
        problems.append("checks something else than what it needs")
    (main,) = (one for one in files[RULESETS].data if one["name"] == "main")
    rules = {rule["type"]: rule.get("parameters", {}) for rule in main["rules"]}
    required = rules.get("required_status_checks", {}).get("required_status_checks", [])
    if [one["context"] for one in required] != [last.get("name")]:
        problems.append(f"main requires {required}")
    return problems


def only_listed_conditions_skip_anything(files: Files) -> list[str]:
    """GitHub counts a skipped job or step as passed."""
    there = {(file, name): job.get("if") for file, name, job in all_jobs(files)}
    problems = [
        f"{file}: {name}: if: {there.get((file, name))}"
        for file, name in there.keys() | CONDITIONAL.keys()
        if there.get((file, name)) != CONDITIONAL.get((file, name))
    ]
    for where, step in all_steps(files):
        use = step.get("uses", "")
        own = {"actions/attest": _ATTESTED, "actions/create-github-app-token": _BY_APP}
        if step.get("if") not in (None, own.get(use.partition("@")[0], _NOT_CANCELLED)):
            problems.append(f"{where}: if: {step['if']}")
    return problems


def the_base_branch_decides_what_is_skipped(files: Files) -> list[str]:
    """Only the base branch's version of the script writes the output on which the tests depend."""
    scope, tests, cluster = (files[CI].jobs.get(name, {}) for name in ("scope", "test", "cluster"))
    decided = {
        "outputs": scope.get("outputs"),
        "steps": [{key: step[key] for key in step if key != "name"} for step in scope["steps"][2:]],
        "needs": needs(tests),
        "cluster": needs(cluster),
    }
    return [] if decided == _DECIDED else [f"{CI}: scope: {decided}"]


def delivery_runs_its_jobs_in_order(files: Files) -> list[str]:
    jobs = files[DELIVER].jobs
    order: dict[str, set[str]] = {"build": set(), "rebuild": set(), "image": {"build", "rebuild"}}
    for name in ("compare", "attest", "test", "publish"):
        order[name] = set(order)
    if set(jobs) != set(order):
        return [f"{DELIVER}: {sorted(jobs)}"]
    problems = [
        f"{DELIVER}: {name} runs after {sorted(all_needs(jobs, name))}"
        for name, before in order.items()
        if all_needs(jobs, name) != before
    ]
    if files[DELIVER].data[True] != {"push": {"branches": ["main"]}}:
        problems.append(f"{DELIVER}: started by {files[DELIVER].data[True]}")
    return problems
