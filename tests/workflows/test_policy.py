"""The workflows comply with the policy, and each of its rules finds what it is there for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.workflows.policy import RULES, access, order, shell, sources, unowned
from support.workflows.policy.files import (
    CI,
    DELIVER,
    MONITOR,
    RELEASE,
    REPORT,
    ROLLBACK,
    RULESETS,
    SECURITY,
    SETUP,
    File,
    Rule,
    load,
)

GITHUB = Path(__file__).parents[2] / ".github"
FILES = load(GITHUB)

_TOP = "permissions: {}\n"
_READ = "    permissions:\n      contents: read\n"
_TIMEOUT = "    timeout-minutes: "
_CHECK = "      - run: make check\n"
_CMP = "cmp built/package"
_BUILD = "      - run: .venv/bin/sluice package build --locked\n"
_REPORT = '        run: cat out/report/report.md >> "$GITHUB_STEP_SUMMARY"\n'
_BUILT = '--locked --champion out/champion --against "$AGAINST"'
_BUILD_IMAGE = """      - name: Build the image
        run: make wheels image PACKAGE="built/package/*.tar" TAG=candidate FRESH=yes
"""
_LAST = "      - name: Carry out what was approved\n"
_REVOKES = re.findall(r"      - uses: actions/attest@.*\n(?:        .*\n)+", FILES[ROLLBACK].text)[
    0
]
_ANYWAY = "if: ${{ !cancelled() }}"
_NEEDS = "needs: [scope, check, test, pipeline, integration, cluster]"
# Taken from the file, because Dependabot changes it.
_CHECKOUT = re.findall(r"actions/checkout@.*", FILES[CI].text)[0]
_COMMIT, _VERSION = re.findall(r"@(\w+)  # (.*)", _CHECKOUT)[0]
_PYTHON = re.findall(r"actions/setup-python@\w+(  # .*)", FILES[SETUP].text)[0]

# A rule, and a change of a file that it must find: the file, the old text and the new text.
MUTANTS: list[tuple[Rule, str, str, str]] = [
    (access.workflows_grant_no_permissions, CI, _TOP, ""),
    (access.workflows_grant_no_permissions, RELEASE, _TOP, "permissions: read-all\n"),
    (access.jobs_write_only_what_the_table_says, CI, _READ, ""),
    (access.jobs_write_only_what_the_table_says, CI, _READ, "    permissions: write-all\n"),
    (access.jobs_write_only_what_the_table_says, CI, _READ, "    permissions: {}\n"),
    (access.jobs_write_only_what_the_table_says, RELEASE, "contents: read", "contents: write"),
    (access.jobs_write_only_what_the_table_says, DELIVER, "packages: read", "packages: write"),
    (access.jobs_write_only_what_the_table_says, ROLLBACK, "contents: write", "contents: read"),
    (access.jobs_write_only_what_the_table_says, REPORT, "  comment:\n", "  other:\n"),
    (access.jobs_write_only_what_the_table_says, MONITOR, "contents: read", "contents: write"),
    (access.jobs_write_only_what_the_table_says, MONITOR, "  propose:\n", "  other:\n"),
    (access.pull_requests_cannot_write, CI, "contents: read", "contents: write"),
    (access.pull_requests_cannot_write, SECURITY, "contents: read", "packages: write"),
    (access.untrusted_code_gets_no_token, CI, "pull_request:", "pull_request_target:"),
    (access.untrusted_code_gets_no_token, CI, "pull_request:", "workflow_run:"),
    (access.untrusted_code_gets_no_token, REPORT, _CHECKOUT, "actions/download-artifact@v8"),
    (
        access.checkouts_keep_no_token_and_take_no_other_code,
        CI,
        "persist-credentials: false",
        "persist-credentials: true",
    ),
    (
        access.checkouts_keep_no_token_and_take_no_other_code,
        DELIVER,
        "        with:\n          persist-credentials: false\n",
        "",
    ),
    (
        access.checkouts_keep_no_token_and_take_no_other_code,
        REPORT,
        "persist-credentials: false",
        "persist-credentials: false\n          ref: ${{ github.event.workflow_run.head_sha }}",
    ),
    *(
        (access.checkouts_keep_no_token_and_take_no_other_code, CI, old, new)
        for old, new in (
            ("pull_request.base.sha", "pull_request.head.sha"),
            ("          path: base\n", ""),
            ("path: change", "path: base"),
            ("      - id: decide", "      - uses: ./.github/actions/setup\n      - id: decide"),
        )
    ),
    (sources.actions_are_pinned, CI, _CHECKOUT, "actions/checkout@v7"),
    (sources.actions_are_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_COMMIT, _COMMIT[:7])),
    (sources.actions_are_pinned, CI, _CHECKOUT, _CHECKOUT.partition("  #")[0]),
    (sources.actions_are_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_VERSION, "v7")),
    (sources.actions_are_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_COMMIT, "0" * 40)),
    (sources.actions_are_pinned, CI, _CHECKOUT, _CHECKOUT.replace(_VERSION, "v0.0.0")),
    (sources.actions_are_pinned, CI, "./.github/actions/setup", "./elsewhere"),
    (sources.actions_are_pinned, CI, "./.github/actions/setup", "docker://python"),
    (sources.actions_are_pinned, CI, _CHECK, f"{_CHECK}      - {{uses: actions/checkout@v7}}\n"),
    (sources.actions_are_pinned, CI, _CHECK, f'{_CHECK}      - "uses": actions/cache@v6\n'),
    (sources.actions_are_pinned, SETUP, _PYTHON, ""),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, "ubuntu-24.04", "ubuntu-latest"),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, DELIVER, "ubuntu-24.04", "self-hosted"),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, f"{_TIMEOUT}20\n", ""),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, f"{_TIMEOUT}20\n", f"{_TIMEOUT}61\n"),
    (shell.failures_are_not_ignored, CI, _CHECK, f"{_CHECK}        continue-on-error: true\n"),
    (shell.failures_are_not_ignored, CI, _READ, f"{_READ}    continue-on-error: true\n"),
    (shell.failures_are_not_ignored, CI, "make check", "make check || true"),
    (shell.failures_are_not_ignored, DELIVER, _CMP, f"|\n          set +e\n          {_CMP}"),
    (shell.failures_are_not_ignored, CI, _CHECK, f"{_CHECK}        shell: python\n"),
    (shell.failures_are_not_ignored, CI, _TOP, f"{_TOP}defaults:\n  run:\n    shell: sh {{0}}\n"),
    (shell.failures_are_not_ignored, SETUP, "shell: bash", "shell: bash +e {0}"),
    (
        shell.expressions_are_not_pasted_into_commands,
        RELEASE,
        '"$VERSION"',
        "${{ inputs.version }}",
    ),
    (shell.expressions_are_not_pasted_into_commands, SETUP, '"$TOOLS"', '"${{ inputs.tools }}"'),
    *(
        (shell.commands_are_plain, CI, "make check", command)
        for command in (
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
    (shell.commands_are_plain, RELEASE, '-- "$VERSION"', "-- $VERSION"),
    (shell.inputs_cannot_be_taken_for_options, RELEASE, '-- "$VERSION"', '"$VERSION"'),
    (
        shell.inputs_cannot_be_taken_for_options,
        ROLLBACK,
        '--reason="$REASON"',
        '--reason "$REASON"',
    ),
    (shell.commands_are_plain, DELIVER, _CMP, f"true {_CMP}"),
    (
        access.only_the_step_that_changes_releases_has_a_secret,
        DELIVER,
        "github.token",
        "secrets.GITHUB_TOKEN",
    ),
    (
        access.only_the_step_that_changes_releases_has_a_secret,
        CI,
        "toJSON(needs)",
        "toJSON(secrets)",
    ),
    (
        access.only_the_step_that_changes_releases_has_a_secret,
        RELEASE,
        "    environment: publish\n",
        "",
    ),
    *(
        (access.only_the_step_that_changes_releases_has_a_secret, file, old, new)
        for file, old, new in (
            (DELIVER, "secrets.RELEASE_TOKEN || github.token", "github.token"),
            (RELEASE, "secrets.RELEASE_TOKEN", "secrets.OTHER"),
            (RELEASE, "{{ github.token", "{{ secrets.RELEASE_TOKEN || github.token"),
            (ROLLBACK, "sluice approval rollback", "sluice approval revoke"),
        )
    ),
    (sources.only_ci_has_caches, CI, _CHECKOUT, "actions/cache/restore@v6"),
    (
        access.only_the_step_that_changes_releases_has_a_secret,
        CI,
        _READ,
        f"{_READ}    secrets: inherit\n",
    ),
    (sources.only_ci_has_caches, DELIVER, _CHECKOUT, "actions/cache@v6"),
    (
        sources.only_ci_has_caches,
        DELIVER,
        "./.github/actions/setup\n",
        "./.github/actions/setup\n        with:\n          cache: pip\n",
    ),
    (
        sources.only_ci_has_caches,
        SETUP,
        "cache: ${{ inputs.cache }}",
        "cache: pip",
    ),
    (
        sources.only_ci_has_caches,
        SETUP,
        'delivers\n    default: ""',
        "delivers\n    default: pip",
    ),
    (order.runs_that_write_are_not_cancelled, CI, "concurrency:", "env:"),
    *(
        (order.runs_that_write_are_not_cancelled, name, "in-progress: false", "in-progress: true")
        for name in (DELIVER, RELEASE, ROLLBACK, REPORT)
    ),
    (
        access.jobs_use_the_environments_of_the_table,
        RELEASE,
        "    environment: ${{ needs.preflight.outputs.environment }}\n",
        "",
    ),
    (access.jobs_use_the_environments_of_the_table, RELEASE, "    environment: canary\n", ""),
    (
        access.jobs_use_the_environments_of_the_table,
        ROLLBACK,
        "production\n    runs",
        "test\n    runs",
    ),
    (access.jobs_use_the_environments_of_the_table, DELIVER, "    environment: test\n", ""),
    (access.jobs_use_the_environments_of_the_table, DELIVER, "    environment: publish\n", ""),
    (access.jobs_use_the_environments_of_the_table, ROLLBACK, "    environment: publish\n", ""),
    (
        access.jobs_use_the_environments_of_the_table,
        CI,
        _READ,
        f"{_READ}    environment: production\n",
    ),
    (
        order.production_waits_for_preflight,
        RELEASE,
        "needs: [preflight, canary, rehearse, approve]",
        "needs: [preflight, canary, approve]",
    ),
    (
        order.production_waits_for_preflight,
        RELEASE,
        "needs: [preflight, canary, rehearse]",
        "needs: [preflight, canary]",
    ),
    (
        order.production_waits_for_preflight,
        ROLLBACK,
        "needs: [preflight, approve]",
        "needs: approve",
    ),
    (order.production_waits_for_preflight, RELEASE, "    needs: preflight\n", ""),
    (order.production_waits_for_preflight, ROLLBACK, "    needs: preflight\n", ""),
    (order.production_waits_for_preflight, RELEASE, "preflight.outputs.digest", "x"),
    (order.production_waits_for_preflight, ROLLBACK, "preflight.outputs.champion", "x"),
    *(
        (order.production_waits_for_preflight, file, _LAST, f"{_LAST}        {_ANYWAY}\n")
        for file in (RELEASE, ROLLBACK)
    ),
    (order.production_waits_for_preflight, RELEASE, "workflow_dispatch:", "workflow_call:"),
    (unowned.unowned_code_writes_nothing, MONITOR, "attestations: read", "issues: write"),
    (
        unowned.unowned_code_writes_nothing,
        MONITOR,
        "    timeout-minutes: 60\n",
        "    timeout-minutes: 60\n    outputs: {a: b}\n",
    ),
    (unowned.jobs_that_write_take_data_only, MONITOR, "github propose", "monitor retrain"),
    (unowned.variables_decide_nothing, MONITOR, "inputs.anyway || false", "vars.ANYWAY"),
    (order.production_waits_for_preflight, RELEASE, "  deployment_status:\n", "  status:\n"),
    *(
        (order.only_listed_conditions_skip_anything, RELEASE, old, new)
        for old, new in (
            ("deployment.task == 'canary' && ", ""),
            ("deployment_status.state == 'success'", "deployment_status.state != 'failure'"),
            ("needs.canary.outputs.server == 'none'", "vars.SERVER"),
            ("needs.rehearse.result == 'success'", "needs.rehearse.result != 'failure'"),
            ("needs.approve.result == 'success'", "needs.approve.result != 'failure'"),
        )
    ),
    *(
        (order.a_release_follows_the_verdict_on_its_package, RELEASE, old, new)
        for old, new in (
            ("rehearse out/candidate/package.tar", "rehearse out/champion/package.tar"),
            (" --champion out/champion", ""),
            ('fetch --approved "$DIGEST"', 'fetch --approved "$OTHER"'),
            ("cat out/rollout/report.md", "cat out/report/report.md"),
        )
    ),
    *(
        (order.what_happens_to_production_is_attested, file, old, new)
        for file, old, new in (
            (RELEASE, "urn:sluice:rollout:v1", "urn:sluice:approval:v1"),
            (RELEASE, "sluice approval desire", "sluice approval confirm"),
            (RELEASE, "sluice approval announce", "sluice approval preflight"),
            (RELEASE, "sluice approval confirm", "sluice approval preflight"),
            (RELEASE, "sluice approval release", "sluice approval confirm"),
            (RELEASE, "digest: sha256:${{ needs.preflight.outputs.digest }}", "path: x"),
            (RELEASE, "urn:sluice:approval:v1", "urn:sluice:approval:v0"),
            (RELEASE, "urn:sluice:release:v1", "urn:sluice:approval:v1"),
            (RELEASE, "out/approval/approval.json", "out/approval/approval.md"),
            (RELEASE, "out/approval/release.json", "out/approval/approval.json"),
            (ROLLBACK, "sluice approval revoke", "sluice approval confirm"),
            (ROLLBACK, "urn:sluice:rollback:v1", "urn:sluice:release:v1"),
            (ROLLBACK, "out/approval/subjects.txt", "out/approval/other.txt"),
            (ROLLBACK, _REVOKES, ""),
            (ROLLBACK, "      - name: Record which", f"{_REVOKES}      - name: Record which"),
        )
    ),
    *(
        (order.production_changes_one_run_at_a_time, file, old, new)
        for file, old, new in (
            (RELEASE, "      queue: max\n", ""),
            (ROLLBACK, "      queue: max\n", "      queue: single\n"),
            (ROLLBACK, "      group: production", "      group: rollbacks"),
            (RELEASE, "      group: production", "      group: production-${{ inputs.version }}"),
            (
                RELEASE,
                "  group: release-${{ inputs.version || github.event.deployment.id }}",
                "  group: production",
            ),
            (CI, _READ, f"{_READ}    concurrency:\n      group: production\n"),
        )
    ),
    (order.all_green_needs_every_job, CI, _NEEDS, "needs: [scope, check, test, pipeline]"),
    (order.all_green_needs_every_job, CI, f"    {_NEEDS}\n", ""),
    (order.all_green_needs_every_job, CI, "name: all-green", "name: All green"),
    (order.all_green_needs_every_job, CI, "python3 .github/all_green.py", "make help"),
    (order.all_green_needs_every_job, CI, "toJSON(needs)", "'{}'"),
    (order.all_green_needs_every_job, RULESETS, '"all-green"', '"Linters and types"'),
    (order.all_green_needs_every_job, RULESETS, '"required_status_checks",', '"creation",'),
    (order.only_listed_conditions_skip_anything, CI, "    if: ${{ always() }}\n", ""),
    (order.only_listed_conditions_skip_anything, CI, "${{ always() }}", "${{ success() }}"),
    (order.only_listed_conditions_skip_anything, CI, "!= 'skip'", "== 'run'"),
    (
        order.only_listed_conditions_skip_anything,
        CI,
        "outputs.cluster != 'skip'",
        "outputs.cluster == 'run'",
    ),
    (
        order.only_listed_conditions_skip_anything,
        CI,
        "${{ !cancelled() && needs.scope.outputs.cluster != 'skip' }}",
        "${{ vars.CLUSTER }}",
    ),
    (order.the_base_branch_decides_what_is_skipped, CI, "    needs: [scope, pipeline]\n", ""),
    (order.only_listed_conditions_skip_anything, CI, "!cancelled() && needs", "needs"),
    (
        order.only_listed_conditions_skip_anything,
        CI,
        "== 'pull_request' }}\n    runs",
        "!= '' }}\n    runs",
    ),
    (
        order.only_listed_conditions_skip_anything,
        CI,
        _READ,
        f"{_READ}    if: ${{{{ vars.CHECKED }}}}\n",
    ),
    (
        order.only_listed_conditions_skip_anything,
        ROLLBACK,
        "    needs: preflight\n",
        "    if: ${{ always() }}\n",
    ),
    (
        order.only_listed_conditions_skip_anything,
        CI,
        _CHECK,
        f"{_CHECK}        if: ${{{{ failure() }}}}\n",
    ),
    (
        order.only_listed_conditions_skip_anything,
        DELIVER,
        "!github.event.repository.private || ",
        "",
    ),
    *(
        (order.the_base_branch_decides_what_is_skipped, CI, old, new)
        for old, new in (
            (
                "python3 -I base/.github/scope.py change",
                "python3 -I change/.github/scope.py change",
            ),
            ("steps.decide.outputs.machinery", "vars.MACHINERY"),
            ("id: decide", "id: decide\n        env: {GITHUB_OUTPUT: x}"),
            ("    needs: scope\n", ""),
        )
    ),
    *(
        (order.delivery_runs_its_jobs_in_order, DELIVER, old, new)
        for old, new in (
            ("needs: [image, test]", "needs: [image]"),
            ("needs: [image, attest]", "needs: [image]"),
            ("needs: [image, compare]", "needs: [image]"),
            ("needs: [build, rebuild]", "needs: build"),
            ("  rebuild:\n", "  again:\n"),
        )
    ),
    (order.delivery_runs_its_jobs_in_order, DELIVER, "branches: [main]", "branches: [main, next]"),
    *(
        (unowned.unowned_code_writes_nothing, file, old, new)
        for file, old, new in (
            (DELIVER, "contents: read\n    steps", "packages: write\n    steps"),
            (DELIVER, "contents: read\n    steps", "id-token: write\n    steps"),
            (DELIVER, "60\n    permissions", "60\n    environment: publish\n    permissions"),
            (DELIVER, "60\n    permissions", "60\n    outputs: {x: y}\n    permissions"),
            (DELIVER, _BUILD, f"      - uses: docker/login-action@v4\n{_BUILD}"),
            (DELIVER, _BUILD, f"{_BUILD}      - run: .venv/bin/sluice package verify dist/x\n"),
            (DELIVER, _BUILD, f"{_BUILD}      - run: make wheels image\n"),
            (DELIVER, _BUILD, f"{_BUILD}      - run: cmp dist/a.tar dist/b.tar\n"),
            (DELIVER, _BUILD, f"{_BUILD}      - uses: actions/attest@v4\n"),
            (DELIVER, _REPORT, f"{_REPORT}        env: {{GITHUB_TOKEN: x}}\n"),
            (CI, _BUILT, f"{_BUILT} --against $GITHUB_ENV\n      - run: gh release list"),
        )
    ),
    *(
        (unowned.jobs_that_write_take_data_only, file, old, new)
        for file, old, new in (
            (DELIVER, "sluice delivery assemble", "sluice package build"),
            (DELIVER, "cmp built/package", "make package # built/package"),
            (DELIVER, "steps.package.outputs.sha256", "needs.build.outputs.sha256"),
            (RELEASE, "sluice approval release", "sluice run --"),
            (REPORT, "sluice github comment", "sluice adopt"),
        )
    ),
    *(
        (unowned.what_is_delivered_is_the_package_that_was_compared, DELIVER, old, new)
        for old, new in (
            (f"{_CMP}/*.tar built/rebuilt/*.tar", f"{_CMP}/*.tar built/package/*.tar"),
            ('verify built/package/*.tar --outputs "$GITHUB_OUTPUT"', "verify built/package/*.tar"),
            ("steps.package.outputs.sha256", "steps.push.outputs.digest"),
            ('verify dist/*.tar --sha256 "$SHA256"', "verify dist/*.tar"),
            ('verify dist/*.tar --sha256 "$SHA256"', 'verify other/*.tar --sha256 "$SHA256"'),
            ("SHA256: ${{ needs.image.outputs.package }}", "SHA256: ${{ inputs.package }}"),
            ("subject-digest: sha256:${{ needs.image.outputs.package }}", "subject-path: x.tar"),
            ("        run: make wheels image", "        run: make help"),
            (_BUILD_IMAGE, ""),
        )
    ),
    *(
        (unowned.variables_decide_nothing, file, old, new)
        for file, old, new in (
            (
                CI,
                "TAG=candidate\n",
                "TAG=candidate\n        env: {BASE: '${{ vars.BASE_IMAGE }}'}\n",
            ),
            (DELIVER, "steps.place.outputs.registry", "vars.REGISTRY || 'ghcr.io'"),
            (RELEASE, "steps.place.outputs.registry", "inputs.registry"),
            (ROLLBACK, "          BASE_IMAGE: ${{ vars.BASE_IMAGE }}\n", ""),
            (
                RELEASE,
                "          REGISTRY: ${{ vars.REGISTRY }}\n",
                "          REGISTRY: ghcr.io\n",
            ),
            (DELIVER, "          REGISTRY: ${{ steps.place", "          REGISTRY: ${{ inputs"),
        )
    ),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize("rule", RULES, ids=_name)
def test_the_workflows_comply(rule: Rule) -> None:
    assert rule(FILES) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), MUTANTS, ids=_name)
def test_a_violation_is_found(rule: Rule, name: str, old: str, new: str) -> None:
    text = FILES[name].text
    assert old in text
    mutant = File(name, text.replace(old, new, 1))
    assert mutant.data != FILES[name].data or "#" in old
    assert rule({**FILES, name: mutant}), f"{name}: {new!r} was not found"


def test_every_rule_has_a_violation() -> None:
    assert {rule for rule, *_ in MUTANTS} == set(RULES)


def test_every_file_is_checked() -> None:
    there = {path.name for path in (GITHUB / "workflows").iterdir()}
    there |= {f"{path.name}/action.yml" for path in (GITHUB / "actions").iterdir()}
    assert set(FILES) == {*there, RULESETS}
