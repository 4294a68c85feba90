"""Violations of the rules on what a workflow may do, and with which token."""

from __future__ import annotations

from support.workflows.policy import access
from support.workflows.policy.files import (
    CI,
    DELIVER,
    MONITOR,
    RELEASE,
    REPORT,
    ROLLBACK,
    SECURITY,
    Violation,
)
from support.workflows.violations.texts import CHECKOUT, READ, TOP

VIOLATIONS: list[Violation] = [
    (access.workflows_grant_no_permissions, CI, TOP, ""),
    (access.workflows_grant_no_permissions, RELEASE, TOP, "permissions: read-all\n"),
    (access.jobs_write_only_what_the_table_says, CI, READ, ""),
    (access.jobs_write_only_what_the_table_says, CI, READ, "    permissions: write-all\n"),
    (access.jobs_write_only_what_the_table_says, CI, READ, "    permissions: {}\n"),
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
    (access.untrusted_code_gets_no_token, REPORT, CHECKOUT, "actions/download-artifact@v8"),
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
    (
        access.only_the_steps_of_the_table_have_a_secret,
        DELIVER,
        "github.token",
        "secrets.GITHUB_TOKEN",
    ),
    (
        access.only_the_steps_of_the_table_have_a_secret,
        CI,
        "toJSON(needs)",
        "toJSON(secrets)",
    ),
    (
        access.only_the_steps_of_the_table_have_a_secret,
        RELEASE,
        "    environment: publish\n",
        "",
    ),
    *(
        (access.only_the_steps_of_the_table_have_a_secret, file, old, new)
        for file, old, new in (
            (DELIVER, "secrets.RELEASE_TOKEN || github.token", "github.token"),
            (RELEASE, "secrets.RELEASE_TOKEN", "secrets.OTHER"),
            (RELEASE, "{{ github.token", "{{ secrets.RELEASE_TOKEN || github.token"),
            (ROLLBACK, "sluice approval rollback", "sluice approval revoke"),
            (MONITOR, "    environment: publish\n", ""),
            (MONITOR, "permission-contents: write", "permission-workflows: write"),
            (MONITOR, "steps.app.outputs.token || github", "secrets.RETRAINING_KEY || github"),
            (MONITOR, "github propose retraining/proposal", "monitor run out"),
            (MONITOR, '--anyway="$ANYWAY"', "--labels ${{ secrets.RETRAINING_KEY }}"),
        )
    ),
    (
        access.only_the_steps_of_the_table_have_a_secret,
        CI,
        READ,
        f"{READ}    secrets: inherit\n",
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
        READ,
        f"{READ}    environment: production\n",
    ),
]
