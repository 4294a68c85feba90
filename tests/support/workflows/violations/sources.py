"""Violations of the rules on the sources of actions, runners and caches."""

from __future__ import annotations

import re

from support.workflows.policy import sources
from support.workflows.policy.files import CI, DELIVER, FULL, SETUP, Violation
from support.workflows.violations.texts import CHECK, CHECKOUT, FILES

_TIMEOUT = "    timeout-minutes: "
_COMMIT, _VERSION = re.findall(r"@(\w+)  # (.*)", CHECKOUT)[0]
_PYTHON = re.findall(r"actions/setup-python@\w+(  # .*)", FILES[SETUP].text)[0]

VIOLATIONS: list[Violation] = [
    (sources.actions_are_pinned, CI, CHECKOUT, "actions/checkout@v7"),
    (sources.actions_are_pinned, CI, CHECKOUT, CHECKOUT.replace(_COMMIT, _COMMIT[:7])),
    (sources.actions_are_pinned, CI, CHECKOUT, CHECKOUT.partition("  #")[0]),
    (sources.actions_are_pinned, CI, CHECKOUT, CHECKOUT.replace(_VERSION, "v7")),
    (sources.actions_are_pinned, CI, CHECKOUT, CHECKOUT.replace(_COMMIT, "0" * 40)),
    (sources.actions_are_pinned, CI, CHECKOUT, CHECKOUT.replace(_VERSION, "v0.0.0")),
    (sources.actions_are_pinned, CI, "./.github/actions/setup", "./elsewhere"),
    (sources.actions_are_pinned, CI, "./.github/actions/setup", "docker://python"),
    (sources.actions_are_pinned, CI, CHECK, f"{CHECK}      - {{uses: actions/checkout@v7}}\n"),
    (sources.actions_are_pinned, CI, CHECK, f'{CHECK}      - "uses": actions/cache@v6\n'),
    (sources.actions_are_pinned, SETUP, _PYTHON, ""),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, "ubuntu-24.04", "ubuntu-latest"),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, DELIVER, "ubuntu-24.04", "self-hosted"),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, f"{_TIMEOUT}20\n", ""),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, CI, f"{_TIMEOUT}20\n", f"{_TIMEOUT}61\n"),
    (sources.jobs_have_a_fixed_runner_and_a_time_limit, FULL, "240\n", "241\n"),
    (sources.only_ci_has_caches, CI, CHECKOUT, "actions/cache/restore@v6"),
    (sources.only_ci_has_caches, DELIVER, CHECKOUT, "actions/cache@v6"),
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
]
