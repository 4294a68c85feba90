"""Violations of the rules on the order of jobs."""

from __future__ import annotations

import re

from support.workflows.policy import order
from support.workflows.policy.files import (
    CI,
    DELIVER,
    RELEASE,
    REPORT,
    ROLLBACK,
    RULESETS,
    Violation,
)
from support.workflows.violations.texts import CHECK, FILES, READ

_LAST = "      - name: Carry out what was approved\n"
_REVOKES = re.findall(r"      - uses: actions/attest@.*\n(?:        .*\n)+", FILES[ROLLBACK].text)[
    0
]
_ANYWAY = "if: ${{ !cancelled() }}"
_NEEDS = "needs: [scope, check, test, pipeline, record, integration, cluster]"

VIOLATIONS: list[Violation] = [
    (order.runs_that_write_are_not_cancelled, CI, "concurrency:", "env:"),
    *(
        (order.runs_that_write_are_not_cancelled, name, "in-progress: false", "in-progress: true")
        for name in (DELIVER, RELEASE, ROLLBACK, REPORT)
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
            (CI, READ, f"{READ}    concurrency:\n      group: production\n"),
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
        READ,
        f"{READ}    if: ${{{{ vars.CHECKED }}}}\n",
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
        CHECK,
        f"{CHECK}        if: ${{{{ failure() }}}}\n",
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
]
