"""Violations of the rules on code without an owner."""

from __future__ import annotations

from support.workflows.policy import unowned
from support.workflows.policy.files import (
    CI,
    DELIVER,
    MONITOR,
    RELEASE,
    REPORT,
    ROLLBACK,
    Violation,
)
from support.workflows.violations.texts import CMP

_BUILD = "      - run: .venv/bin/sluice package build --locked\n"
_REPORT = '        run: cat out/report/report.md >> "$GITHUB_STEP_SUMMARY"\n'
_BUILT = '--locked --champion out/champion --against "$AGAINST"'
_BUILD_IMAGE = """      - name: Build the image
        run: make wheels image PACKAGE="built/package/*.tar" TAG=candidate FRESH=yes
"""

VIOLATIONS: list[Violation] = [
    (unowned.unowned_code_writes_nothing, MONITOR, "attestations: read", "issues: write"),
    (
        unowned.unowned_code_writes_nothing,
        MONITOR,
        "    timeout-minutes: 60\n",
        "    timeout-minutes: 60\n    outputs: {a: b}\n",
    ),
    (unowned.jobs_that_write_take_data_only, MONITOR, "github propose", "monitor retrain"),
    (unowned.variables_decide_nothing, MONITOR, "inputs.anyway || false", "vars.ANYWAY"),
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
            (f"{CMP}/*.tar built/rebuilt/*.tar", f"{CMP}/*.tar built/package/*.tar"),
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
