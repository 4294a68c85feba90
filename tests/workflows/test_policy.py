"""The workflows keep to the policy, and each of its rules can refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.workflows import policy
from support.workflows.policy import (
    CI,
    DELIVER,
    RELEASE,
    REPORT,
    ROLLBACK,
    RULES,
    RULESETS,
    SETUP,
    File,
    Rule,
)

GITHUB = Path(__file__).parents[2] / ".github"
FILES = policy.load(GITHUB)

_TOP = "permissions: {}\n"
_READ = "    permissions:\n      contents: read\n"
_TIMEOUT = "    timeout-minutes: "
_CHECK = "      - run: make check\n"
_CMP = "cmp first/package"
_LAST = "      - name: Carry out what was approved\n"
_ANYWAY = "if: ${{ !cancelled() }}"
_NEEDS = "needs: [check, test, pipeline, integration]"
# As it stands there: Dependabot moves it.
_CHECKOUT = re.findall(r"actions/checkout@.*", FILES[CI].text)[0]
_COMMIT, _VERSION = re.findall(r"@(\w+)  # (.*)", _CHECKOUT)[0]
_PYTHON = re.findall(r"actions/setup-python@\w+(  # .*)", FILES[SETUP].text)[0]

# A rule, and a change of a file that it must refuse: what stands there, and what instead.
MUTANTS: list[tuple[Rule, str, str, str]] = [
    (policy.nothing_is_permitted_at_the_top, CI, _TOP, ""),
    (policy.nothing_is_permitted_at_the_top, RELEASE, _TOP, "permissions: read-all\n"),
    (policy.each_job_writes_what_the_table_says, CI, _READ, ""),
    (policy.each_job_writes_what_the_table_says, CI, _READ, "    permissions: write-all\n"),
    (policy.each_job_writes_what_the_table_says, CI, _READ, "    permissions: {}\n"),
    (policy.each_job_writes_what_the_table_says, RELEASE, "contents: read", "contents: write"),
    (policy.each_job_writes_what_the_table_says, DELIVER, "packages: read", "packages: write"),
    (policy.each_job_writes_what_the_table_says, ROLLBACK, "contents: write", "contents: read"),
    (policy.each_job_writes_what_the_table_says, REPORT, "  comment:\n", "  other:\n"),
    (policy.pull_requests_write_nothing, CI, "contents: read", "contents: write"),
    (policy.pull_requests_write_nothing, "security.yml", "contents: read", "packages: write"),
    (policy.untrusted_code_never_meets_a_token, CI, "pull_request:", "pull_request_target:"),
    (policy.untrusted_code_never_meets_a_token, CI, "pull_request:", "workflow_run:"),
    (policy.untrusted_code_never_meets_a_token, REPORT, _CHECKOUT, "actions/download-artifact@v8"),
    (
        policy.checkouts_keep_no_token_and_take_no_other_code,
        CI,
        "persist-credentials: false",
        "persist-credentials: true",
    ),
    (
        policy.checkouts_keep_no_token_and_take_no_other_code,
        DELIVER,
        "        with:\n          persist-credentials: false\n",
        "",
    ),
    (
        policy.checkouts_keep_no_token_and_take_no_other_code,
        REPORT,
        "persist-credentials: false",
        "persist-credentials: false\n          ref: ${{ github.event.workflow_run.head_sha }}",
    ),
    (policy.every_action_is_pinned, CI, _CHECKOUT, "actions/checkout@v7"),
    (policy.every_action_is_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_COMMIT, _COMMIT[:7])),
    (policy.every_action_is_pinned, CI, _CHECKOUT, _CHECKOUT.partition("  #")[0]),
    (policy.every_action_is_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_VERSION, "v7")),
    (policy.every_action_is_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_COMMIT, "0" * 40)),
    (policy.every_action_is_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_VERSION, "v0.0.0")),
    (policy.every_action_is_pinned, CI, "./.github/actions/setup", "./elsewhere"),
    (policy.every_action_is_pinned, CI, "./.github/actions/setup", "docker://python"),
    (policy.every_action_is_pinned, CI, _CHECK, f"{_CHECK}      - {{uses: actions/checkout@v7}}\n"),
    (policy.every_action_is_pinned, CI, _CHECK, f'{_CHECK}      - "uses": actions/cache@v6\n'),
    (policy.every_action_is_pinned, SETUP, _PYTHON, ""),
    (policy.every_job_ends_on_a_known_machine, CI, "ubuntu-24.04", "ubuntu-latest"),
    (policy.every_job_ends_on_a_known_machine, DELIVER, "ubuntu-24.04", "self-hosted"),
    (policy.every_job_ends_on_a_known_machine, CI, f"{_TIMEOUT}20\n", ""),
    (policy.every_job_ends_on_a_known_machine, CI, f"{_TIMEOUT}20\n", f"{_TIMEOUT}61\n"),
    (policy.no_failure_is_swallowed, CI, _CHECK, f"{_CHECK}        continue-on-error: true\n"),
    (policy.no_failure_is_swallowed, CI, _READ, f"{_READ}    continue-on-error: true\n"),
    (policy.no_failure_is_swallowed, CI, "make check", "make check || true"),
    (policy.no_failure_is_swallowed, DELIVER, _CMP, f"|\n          set +e\n          {_CMP}"),
    (policy.no_failure_is_swallowed, CI, _CHECK, f"{_CHECK}        shell: python\n"),
    (policy.no_failure_is_swallowed, CI, _TOP, f"{_TOP}defaults:\n  run:\n    shell: sh {{0}}\n"),
    (policy.no_failure_is_swallowed, SETUP, "shell: bash", "shell: bash +e {0}"),
    (policy.nothing_is_pasted_into_a_shell, RELEASE, '"$VERSION"', "${{ inputs.version }}"),
    (policy.nothing_is_pasted_into_a_shell, SETUP, '"$TOOLS"', '"${{ inputs.tools }}"'),
    *(
        (policy.nothing_is_decided_in_shell, CI, "make check", shell)
        for shell in (
            "make check && make test",
            "make check; make test",
            "make check | tee log",
            "make check > log",
            "make check &",
            "make check $MORE",
            'make check "$(id)"',
            "make check `id`",
            "make check [ -f x ]",
            "if make check",
            "test -f x",
            "exit 0",
            "python3 -m pytest",
            "bash .ci/run",
            "make 'check'",
        )
    ),
    (policy.nothing_is_decided_in_shell, RELEASE, '-- "$VERSION"', "-- $VERSION"),
    (policy.what_people_type_is_no_option, RELEASE, '-- "$VERSION"', '"$VERSION"'),
    (policy.what_people_type_is_no_option, ROLLBACK, '--reason="$REASON"', '--reason "$REASON"'),
    (policy.nothing_is_decided_in_shell, DELIVER, _CMP, f"true {_CMP}"),
    (policy.no_secrets, DELIVER, "github.token", "secrets.GITHUB_TOKEN"),
    (policy.no_secrets, CI, "toJSON(needs)", "toJSON(secrets)"),
    (policy.no_secrets, RELEASE, "    environment: production\n", ""),
    (policy.caches_only_where_nothing_is_delivered, CI, "cache/restore@", "cache@"),
    (
        policy.caches_only_where_nothing_is_delivered,
        CI,
        "github.event_name == 'push' }}\n        uses",
        "always() }}\n        uses",
    ),
    (policy.no_secrets, CI, _READ, f"{_READ}    secrets: inherit\n"),
    (policy.caches_only_where_nothing_is_delivered, DELIVER, _CHECKOUT, "actions/cache@v6"),
    (
        policy.caches_only_where_nothing_is_delivered,
        DELIVER,
        "./.github/actions/setup\n",
        "./.github/actions/setup\n        with:\n          cache: pip\n",
    ),
    (
        policy.caches_only_where_nothing_is_delivered,
        SETUP,
        "cache: ${{ inputs.cache }}",
        "cache: pip",
    ),
    (
        policy.caches_only_where_nothing_is_delivered,
        SETUP,
        'delivered\n    default: ""',
        "delivered\n    default: pip",
    ),
    (policy.runs_do_not_cut_each_other_short, CI, "concurrency:", "env:"),
    *(
        (policy.runs_do_not_cut_each_other_short, name, "in-progress: false", "in-progress: true")
        for name in (DELIVER, RELEASE, ROLLBACK, REPORT)
    ),
    (policy.environments_are_where_they_belong, RELEASE, "    environment: production\n", ""),
    (policy.environments_are_where_they_belong, ROLLBACK, "production\n    runs", "test\n    runs"),
    (policy.environments_are_where_they_belong, DELIVER, "    environment: test\n", ""),
    (policy.environments_are_where_they_belong, CI, _READ, f"{_READ}    environment: production\n"),
    (policy.production_waits_for_preflight, RELEASE, "    needs: preflight\n", ""),
    (policy.production_waits_for_preflight, ROLLBACK, "    needs: preflight\n", ""),
    (policy.production_waits_for_preflight, RELEASE, "preflight.outputs.digest", "x"),
    (policy.production_waits_for_preflight, ROLLBACK, "preflight.outputs.champion", "x"),
    *(
        (policy.production_waits_for_preflight, file, _LAST, f"{_LAST}        {_ANYWAY}\n")
        for file in (RELEASE, ROLLBACK)
    ),
    (policy.production_waits_for_preflight, RELEASE, "workflow_dispatch:", "workflow_call:"),
    *(
        (policy.approvals_are_attested_before_the_release, RELEASE, old, new)
        for old, new in (
            ("sluice approval confirm", "sluice approval preflight"),
            ("sluice approval release", "sluice approval confirm"),
            ("subject-digest: sha256:${{ needs.preflight.outputs.digest }}", "subject-path: x"),
            ("urn:sluice:approval:v1", "urn:sluice:approval:v0"),
            ("out/approval/approval.json", "out/approval/approval.md"),
        )
    ),
    (policy.all_green_needs_every_job, CI, _NEEDS, "needs: [check, test, pipeline]"),
    (policy.all_green_needs_every_job, CI, f"    {_NEEDS}\n", ""),
    (policy.all_green_needs_every_job, CI, "name: all-green", "name: All green"),
    (policy.all_green_needs_every_job, CI, "python3 .github/all_green.py", "make help"),
    (policy.all_green_needs_every_job, CI, "toJSON(needs)", "'{}'"),
    (policy.all_green_needs_every_job, RULESETS, '"all-green"', '"Linters and types"'),
    (policy.all_green_needs_every_job, RULESETS, '"required_status_checks",', '"creation",'),
    (policy.nothing_is_skipped, CI, "    if: ${{ always() }}\n", ""),
    (policy.nothing_is_skipped, CI, "${{ always() }}", "${{ success() }}"),
    (policy.nothing_is_skipped, CI, _READ, f"{_READ}    if: ${{{{ vars.CHECKED }}}}\n"),
    (policy.nothing_is_skipped, RELEASE, "    needs: preflight\n", "    if: ${{ always() }}\n"),
    (policy.nothing_is_skipped, CI, _CHECK, f"{_CHECK}        if: ${{{{ failure() }}}}\n"),
    (policy.nothing_is_skipped, DELIVER, "!github.event.repository.private || ", ""),
    (policy.delivery_goes_the_whole_road, DELIVER, "needs: [build, test]", "needs: [build]"),
    (policy.delivery_goes_the_whole_road, DELIVER, "needs: [build, attest]", "needs: [build]"),
    (policy.delivery_goes_the_whole_road, DELIVER, "needs: [build, rebuild]", "needs: [build]"),
    (policy.delivery_goes_the_whole_road, DELIVER, "  rebuild:\n", "  again:\n"),
    (policy.delivery_goes_the_whole_road, DELIVER, "branches: [main]", "branches: [main, next]"),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_the_workflows_keep_to_it(rule: Rule) -> None:
    assert rule(FILES) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), MUTANTS, ids=_name)
def test_what_does_not_is_refused(rule: Rule, name: str, old: str, new: str) -> None:
    text = FILES[name].text
    assert old in text
    mutant = File(name, text.replace(old, new, 1))
    assert mutant.data != FILES[name].data or "#" in old
    assert rule({**FILES, name: mutant}), f"{name}: {new!r} was let through"


def test_every_rule_can_refuse() -> None:
    assert {rule for rule, *_ in MUTANTS} == set(RULES)


def test_every_file_is_looked_at() -> None:
    there = {path.name for path in (GITHUB / "workflows").iterdir()}
    there |= {f"{path.name}/action.yml" for path in (GITHUB / "actions").iterdir()}
    assert set(FILES) == {*there, RULESETS}


GREEN = {"check": {"result": "success"}, "test": {"result": "success"}}
NOT_GREEN = {
    "a failure": json.dumps({**GREEN, "pipeline": {"result": "failure"}}),
    "cancelled": json.dumps({**GREEN, "pipeline": {"result": "cancelled"}}),
    "skipped": json.dumps({**GREEN, "pipeline": {"result": "skipped"}}),
    "no result": json.dumps({**GREEN, "pipeline": {"result": ""}}),
    "null": json.dumps({**GREEN, "pipeline": None}),
    "other words": json.dumps({**GREEN, "pipeline": {}}),
    "nothing needed": "{}",
    "a list": '["success"]',
    "no JSON": "success",
    "empty": "",
}


def all_green(env: dict[str, str]) -> int:
    script = str(GITHUB / "all_green.py")
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, check=False)
    return done.returncode


def test_all_green() -> None:
    assert all_green({"NEEDS": json.dumps(GREEN)}) == 0


@pytest.mark.parametrize("case", NOT_GREEN)
def test_not_all_green(case: str) -> None:
    assert all_green({"NEEDS": NOT_GREEN[case]}) != 0


def test_not_told_what_is_needed() -> None:
    assert all_green({}) != 0
