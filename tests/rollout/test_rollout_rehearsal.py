"""A rehearsal with injected faults, its report, and the inputs that it refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from sluice import cli
from sluice.errors import SluiceError
from sluice.model import Input, Signature
from sluice.rollout import compatible
from sluice.rollout.machine import api
from sluice.rollout.rehearsal import faults, report, run
from sluice.rollout.rehearsal.run import Pace
from sluice.rollout.state import Phase
from sluice.serve import promised
from sluice.verdict import Status

QUICK = Pace((20, 50), 0.5, 30, 60)


def test_a_canary_that_is_killed_loses_nothing(pair: Any, tmp_path: Path, opened_pair: Any) -> None:
    said: list[str] = []
    found = run.rehearse(pair.candidate, pair.champion, "kill", said.append, QUICK)
    assert (found.phase, found.verdict) == (Phase.ROLLED_BACK, Status.FAIL)
    assert "the canary has no server that answers" in found.why
    assert found.as_expected, report.checks(found)
    assert any("injecting the fault kill" in line for line in said)

    report.write(tmp_path, found)
    told = json.loads((tmp_path / "report.json").read_bytes())
    assert (told["fault"], told["verdict"], told["unanswered"]) == ("kill", "fail", {})
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 3
    assert "http://" not in re.sub(r"http://www\.w3\.org\S*", "", page)
    assert "✅ | verdict fail" in (tmp_path / "report.md").read_text()


@pytest.mark.long
@pytest.mark.parametrize("fault", [None, *faults.NAMES])
def test_every_fault_ends_in_the_right_verdict(
    fault: str | None, pair: Any, tmp_path: Path
) -> None:
    more = ["--fault", fault] if fault else []
    done = rehearsed(pair.candidate, "--champion", pair.champion, "--out", tmp_path, *more)
    assert done.returncode == 0, done.stdout


def rehearsed(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "sluice.cli", "rollout", "rehearse"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.tar",), "nothing.tar"),
        (("nothing.tar", "--fault", "gremlins"), "there is no fault 'gremlins': choose one of"),
        (("nothing.tar", "--fault", "errors=1x"), "needs a number from 2 to 49"),
        (("nothing.tar", "--fault", "errors=99x"), "needs a number from 2 to 49"),
    ],
)
def test_an_impossible_rehearsal_is_refused_in_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rollout", "rehearse", *arguments]) == 2
    output, problems = capsys.readouterr()
    assert output == ""
    assert said in problems
    assert problems.count("\n") == 1


SIGNATURE = Signature(
    "binary", (Input("age", "number"), Input("job", "category")), ("no", "yes"), id="key"
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"task": "regression"}, "its task is regression, not binary"),
        ({"classes": ("yes", "no")}, "its classes are 'yes', 'no', not 'no', 'yes'"),
        ({"id": None}, "its id is None, not 'key'"),
        ({"inputs": SIGNATURE.inputs[:1]}, "it does not read 'job'"),
        ({"inputs": (*SIGNATURE.inputs, Input("pay", "number"))}, "it also reads 'pay'"),
        (
            {"inputs": (Input("age", "category"), SIGNATURE.inputs[1])},
            "'age' has another type",
        ),
    ],
)
def test_a_candidate_whose_callers_must_change_is_refused(
    changed: dict[str, Any], said: str
) -> None:
    manifest = SimpleNamespace(name="model", title="model 1")
    old: Any = SimpleNamespace(manifest=manifest, signature=SIGNATURE)
    new: Any = SimpleNamespace(manifest=manifest, signature=replace(SIGNATURE, **changed))
    compatible.require(old, old)
    with pytest.raises(SluiceError, match="its callers would have to change") as refused:
        compatible.require(new, old)
    assert said in str(refused.value)


def test_counters_of_the_proxy_are_read_for_each_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    page = """
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="POST",service="canary@file"} 90
traefik_service_requests_total{code="422",method="POST",service="canary@file"} 5
traefik_service_requests_total{code="503",method="POST",service="canary@file"} 3
traefik_service_requests_total{code="0",method="POST",service="canary@file"} 2
traefik_service_requests_total{code="200",method="GET",service="stable@file"} 7
# TYPE traefik_service_request_duration_seconds histogram
traefik_service_request_duration_seconds_bucket{code="200",service="canary@file",le="0.1"} 50
traefik_service_request_duration_seconds_bucket{code="200",service="canary@file",le="0.25"} 84
traefik_service_request_duration_seconds_bucket{code="200",service="canary@file",le="+Inf"} 90
traefik_service_request_duration_seconds_sum{code="200",service="canary@file"} 9.5
traefik_service_request_duration_seconds_count{code="200",service="canary@file"} 90
"""
    monkeypatch.setattr(api, "get", lambda *_: page.encode())
    counted = api.counted(1, 0.25)
    assert counted == {"canary": api.Counted(100, 5, 6), "stable": api.Counted(7, 0, 0)}


def test_the_range_of_scores_is_wider_than_the_recorded_ones(pair: Any, opened_pair: Any) -> None:
    book = opened_pair[0].scenarios
    recorded = [
        row[0]
        for scenario in book.scenarios
        for row in getattr(scenario, "scores", ())
    ]  # fmt: skip
    expected = promised.score_range(book, "binary")
    assert expected is not None
    assert 0 < expected[0] < min(recorded) <= max(recorded) < expected[1] < 1
    import numpy as np

    assert not promised.is_unusual(np.array(recorded), expected)
    assert promised.is_unusual(np.array([*recorded, 1.0]), expected)
    assert promised.is_unusual(np.array([[0.0, 1.0]]), expected)
    assert promised.score_range(replace(book, scenarios=[]), "binary") is None
