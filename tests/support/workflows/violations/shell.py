"""Violations of the rules on what a step may run."""

from __future__ import annotations

from support.workflows.policy import shell
from support.workflows.policy.files import CI, DELIVER, RELEASE, ROLLBACK, SETUP, Violation
from support.workflows.violations.texts import CHECK, CMP, READ, TOP

VIOLATIONS: list[Violation] = [
    (shell.failures_are_not_ignored, CI, CHECK, f"{CHECK}        continue-on-error: true\n"),
    (shell.failures_are_not_ignored, CI, READ, f"{READ}    continue-on-error: true\n"),
    (shell.failures_are_not_ignored, CI, "make check", "make check || true"),
    (shell.failures_are_not_ignored, DELIVER, CMP, f"|\n          set +e\n          {CMP}"),
    (shell.failures_are_not_ignored, CI, CHECK, f"{CHECK}        shell: python\n"),
    (shell.failures_are_not_ignored, CI, TOP, f"{TOP}defaults:\n  run:\n    shell: sh {{0}}\n"),
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
    (shell.commands_are_plain, DELIVER, CMP, f"true {CMP}"),
]
