"""all_green.py: what the one required check accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / ".github/all_green.py"
SUCCESS = {"result": "success", "outputs": {}}
SKIPPED = {"result": "skipped", "outputs": {}}
FAILURE = {"result": "failure", "outputs": {}}
NOTHING = {"result": "success", "outputs": {"machinery": "skip", "cluster": "skip"}}
SKIP = {"result": "success", "outputs": {"machinery": "skip", "cluster": "run"}}
NO_CLUSTER = {"result": "success", "outputs": {"machinery": "run", "cluster": "skip"}}
RUN = {"result": "success", "outputs": {"machinery": "run", "cluster": "run"}}
GREEN = {"scope": RUN, "check": SUCCESS, "test": SUCCESS, "pipeline": SUCCESS, "cluster": SUCCESS}
UNTESTED = {**GREEN, "scope": SKIP, "test": SKIPPED}


def status(needs: object, event: str = "pull_request", **environment: str) -> int:
    text = needs if isinstance(needs, str) else json.dumps(needs)
    ran = subprocess.run(
        [sys.executable, SCRIPT],
        env={"NEEDS": text, "GITHUB_EVENT_NAME": event, **environment},
        capture_output=True,
        check=False,
    )
    return ran.returncode


@pytest.mark.parametrize("event", ["pull_request", "push", "merge_group"])
@pytest.mark.parametrize("scope", [RUN, SKIP, SKIPPED, FAILURE], ids=str)
def test_every_job_has_succeeded(event: str, scope: dict[str, Any]) -> None:
    """Without a usable decision the tests run, so the decision does not matter."""
    assert status({**GREEN, "scope": scope}, event) == 0


def test_the_tests_of_the_machinery_are_not_needed() -> None:
    assert status(UNTESTED) == 0


def test_the_rollout_on_a_cluster_is_not_needed() -> None:
    assert status({**GREEN, "scope": NO_CLUSTER, "cluster": SKIPPED}) == 0
    assert status({**GREEN, "scope": NOTHING, "cluster": SKIPPED, "test": SKIPPED}) == 0
    assert status({**GREEN, "scope": NOTHING}) == 0  # both have run anyway


@pytest.mark.parametrize("scope", [RUN, SKIP, SKIPPED, FAILURE], ids=str)
def test_a_rollout_on_a_cluster_that_was_skipped_without_the_decision(scope: object) -> None:
    assert status({**GREEN, "scope": scope, "cluster": SKIPPED}) == 1


def test_one_decision_does_not_allow_both_to_be_skipped() -> None:
    both = {**GREEN, "test": SKIPPED, "cluster": SKIPPED}
    assert status({**both, "scope": SKIP}) == 1
    assert status({**both, "scope": NO_CLUSTER}) == 1
    assert status({**both, "scope": NOTHING}, "push") == 1


@pytest.mark.parametrize("result", ["failure", "cancelled", "", None])
def test_the_decision_allows_no_other_result_of_the_cluster(result: str | None) -> None:
    cluster = {"result": result, "outputs": {}}
    assert status({**GREEN, "scope": NO_CLUSTER, "cluster": cluster}) == 1


@pytest.mark.parametrize("event", ["push", "merge_group", "workflow_dispatch", ""])
def test_only_a_pull_request_can_skip_tests(event: str) -> None:
    assert status(UNTESTED, event) == 1


@pytest.mark.parametrize(
    "scope",
    [
        RUN,
        SUCCESS,
        SKIPPED,
        FAILURE,
        {**SKIP, "result": "failure"},
        {**SKIP, "result": "cancelled"},
        NO_CLUSTER,
        {**SKIP, "outputs": {"machinery": "skip"}},
        {**SKIP, "outputs": {"machinery": "SKIP", "cluster": "run"}},
        {**SKIP, "outputs": {"machinery": "skip", "cluster": ""}},
        {**SKIP, "outputs": {"machinery": "skip", "cluster": "run", "more": "skip"}},
        {"result": "success"},
        None,
    ],
    ids=str,
)
def test_tests_that_were_skipped_without_the_decision(scope: object) -> None:
    assert status({**UNTESTED, "scope": scope}) == 1


@pytest.mark.parametrize("result", ["failure", "cancelled", "", None])
def test_the_decision_allows_no_other_result_of_the_tests(result: str | None) -> None:
    assert status({**UNTESTED, "test": {"result": result, "outputs": {}}}) == 1


@pytest.mark.parametrize("name", ["check", "pipeline"])
def test_the_decision_allows_no_other_job_to_be_skipped(name: str) -> None:
    assert status({**UNTESTED, name: SKIPPED}) == 1


NOT_GREEN = {
    "a failure": {**GREEN, "pipeline": FAILURE},
    "cancelled": {**GREEN, "pipeline": {"result": "cancelled"}},
    "skipped": {**GREEN, "pipeline": SKIPPED},
    "no result": {**GREEN, "pipeline": {"result": ""}},
    "null": {**GREEN, "pipeline": None},
    "other words": {**GREEN, "pipeline": {}},
    "nothing needed": {},
    "a list": ["success"],
    "no JSON": "success",
    "empty": "",
}


@pytest.mark.parametrize("case", NOT_GREEN)
def test_not_all_green(case: str) -> None:
    assert status(NOT_GREEN[case]) == 1


@pytest.mark.parametrize("missing", ["NEEDS", "GITHUB_EVENT_NAME"])
def test_an_answer_without_the_result(missing: str) -> None:
    environment = {"NEEDS": json.dumps(GREEN), "GITHUB_EVENT_NAME": "pull_request"}
    del environment[missing]
    ran = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, check=False
    )
    assert ran.returncode == 1
