"""`sluice rollout judge` gives the verdict on a canary from its counts alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice import cli
from sluice.config import Rollout
from sluice.rollout import counts, judge
from sluice.rollout.counts import Arm, Counts, Interval
from sluice.verdict import Finding, Status, Verdict

Rates = dict[str, float]
GOOD: Rates = {"errors": 0.005, "slow": 0.01, "unusual": 0.02}


def traffic(
    seed: int, intervals: int = 120, canary: Rates = GOOD, share: float = 0.1, size: int = 2000
) -> Counts:
    """Independent requests; the canary's baseline gets the same share of them as the canary."""
    random = np.random.default_rng(seed)

    def arm(requests: int, rates: Rates) -> Arm:
        events = {name: int(random.binomial(requests, rate)) for name, rate in rates.items()}
        return Arm(requests, **events)

    def interval() -> Interval:
        total = int(random.poisson(size))
        parts = random.multinomial(total, [share, share, 1 - 2 * share])
        return Interval(arm(int(parts[0]), canary), *(arm(int(n), GOOD) for n in parts[1:]))

    return Counts(10, tuple(interval() for _ in range(intervals)))


def finding(verdict: Verdict, name: str) -> Finding:
    return next(found for found in verdict.findings if found.name == f"canary/{name}")


def test_a_healthy_canary_with_enough_traffic_is_promoted() -> None:
    verdict = judge.judge(traffic(1, intervals=600), Rollout(margin=0.01))
    assert verdict.status is Status.PASS, verdict.why


def test_too_few_intervals_promote_nothing_however_many_requests_they_hold() -> None:
    verdict = judge.judge(traffic(1, intervals=29, size=100_000), Rollout())
    assert verdict.status is Status.INSUFFICIENT
    assert "30 intervals are needed, 29 were counted" in verdict.why


@pytest.mark.parametrize(
    ("kind", "title"),
    [("errors", "errors"), ("slow", "slow answers"), ("unusual", "unusual scores")],
)
def test_a_canary_that_is_worse_is_rolled_back(kind: str, title: str) -> None:
    verdict = judge.judge(traffic(2, canary={**GOOD, kind: 4 * GOOD[kind]}), Rollout())
    assert verdict.status is Status.FAIL
    assert verdict.findings[0].name == f"canary/{title} compared with the baseline"


def test_a_slower_canary_within_the_margin_is_held_and_not_rolled_back() -> None:
    worse = {**GOOD, "slow": 0.03}
    verdict = judge.judge(traffic(3, 400, worse), Rollout(margin=0.05))
    found = finding(verdict, "slow answers compared with the baseline")
    assert found.status is Status.INSUFFICIENT
    assert "less than the margin" in found.why


def test_a_canary_that_is_better_is_not_rolled_back() -> None:
    verdict = judge.judge(traffic(4, 400, {**GOOD, "errors": 0.0}), Rollout())
    assert verdict.status is not Status.FAIL


def test_a_broken_canary_is_rolled_back_after_two_intervals() -> None:
    broken = Interval(Arm(20, errors=4), Arm(20), Arm(160))
    one = judge.judge(Counts(10, (broken,)), Rollout())
    assert finding(one, "disaster").status is Status.PASS
    two = judge.judge(Counts(10, (broken, broken)), Rollout())
    assert (two.status, two.findings[0].name) == (Status.FAIL, "canary/disaster")


def test_errors_of_canary_and_baseline_together_do_not_count_as_a_broken_canary() -> None:
    down = Interval(Arm(20, errors=10), Arm(20, errors=10), Arm(160, errors=80))
    verdict = judge.judge(Counts(10, (down,) * 40), Rollout())
    assert verdict.status is Status.INSUFFICIENT


def test_unequal_shares_stop_the_promotion() -> None:
    lossy = Counts(10, tuple(Interval(Arm(800), Arm(1000), Arm(8000)) for _ in range(60)))
    verdict = judge.judge(lossy, Rollout())
    assert verdict.status is Status.INSUFFICIENT
    assert finding(verdict, "equal shares").status is Status.INSUFFICIENT
    assert "48,000 requests and its baseline 60,000" in finding(verdict, "equal shares").why


def test_a_ramp_while_the_rate_of_errors_rises_shows_no_difference() -> None:
    """Pooled over the ramp, the canary would seem to have twice the errors of the champion."""
    random = np.random.default_rng(5)

    def interval(at: int) -> Interval:
        rate, share = 0.002 + 0.0001 * at, 0.01 if at < 150 else 0.3
        parts = [int(n) for n in random.multinomial(2000, [share, share, 1 - 2 * share])]
        return Interval(*(Arm(n, int(random.binomial(n, rate))) for n in parts))

    verdict = judge.judge(Counts(10, tuple(map(interval, range(300)))), Rollout(margin=0.02))
    assert finding(verdict, "errors compared with the baseline").status is Status.PASS
    within = finding(verdict, "errors within the margin")
    assert within.status is Status.PASS
    assert abs(within.estimate or 0.0) < 0.003


def test_without_traffic_the_verdict_waits_until_the_deadline() -> None:
    idle = Interval(Arm(0), Arm(0), Arm(0))
    verdict = judge.judge(Counts(10, (idle,) * 30), Rollout(deadline=600))
    assert verdict.status is Status.INSUFFICIENT
    assert "more requests are needed" in verdict.why
    verdict = judge.judge(Counts(10, (idle,) * 60), Rollout(deadline=600))
    assert "the deadline has passed: roll the canary back" in verdict.why
    assert judge.judge(Counts(10, ()), Rollout()).status is Status.INSUFFICIENT


def test_the_verdict_can_be_written_and_read_again(tmp_path: Path) -> None:
    verdict = judge.judge(traffic(6, 60, {**GOOD, "errors": 0.9}), Rollout())
    verdict.write(tmp_path / "verdict.json")
    assert Verdict.read((tmp_path / "verdict.json").read_bytes(), "here") == verdict


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the params.yaml of this repository."""
    params = Path(__file__).parents[2] / "params.yaml"
    (tmp_path / "params.yaml").write_bytes(params.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, given: Counts) -> str:
    import msgspec

    (folder / "counts.json").write_bytes(msgspec.json.encode(given))
    return "counts.json"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (traffic(1, intervals=1500), 0),
        (traffic(2, canary={**GOOD, "errors": 0.02}), 1),
        (traffic(1, intervals=5), 3),
    ],
)
def test_the_exit_status_says_what_to_do(
    here: Path, capsys: pytest.CaptureFixture[str], given: Counts, status: int
) -> None:
    assert cli.main(["rollout", "judge", written(here, given), "--json"]) == status
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["gate"] == "canary"
    assert {0: "pass", 1: "fail", 3: "insufficient"}[status] == verdict["status"]


def edited(change: Callable[[dict[str, Any]], object]) -> str:
    import msgspec

    document = json.loads(msgspec.json.encode(traffic(1, intervals=2)))
    change(document)
    return json.dumps(document)


BAD = {
    "no JSON": ("{", "has no counts of a rollout"),
    "a negative count": (
        edited(lambda d: d["intervals"][1]["canary"].update(requests=-1)),
        "Expected `int` >= 0",
    ),
    "more errors than requests": (
        edited(lambda d: d["intervals"][1]["stable"].update(errors=10_000)),
        "interval 2: stable has 10,000 errors in",
    ),
    "no baseline": (edited(lambda d: d["intervals"][0].pop("baseline")), "missing required field"),
    "another kind of count": (
        edited(lambda d: d["intervals"][0]["canary"].update(warm=1)),
        "unknown field `warm`",
    ),
    "an interval of no length": (edited(lambda d: d.update(seconds=0)), "Expected `float` > 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_counts_that_cannot_be_true_are_refused(
    here: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    text, why = BAD[case]
    (here / "counts.json").write_text(text, "utf-8")
    assert cli.main(["rollout", "judge", "counts.json"]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1


def test_a_missing_file_of_counts_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rollout", "judge", "nothing.json"]) == 2
    assert "nothing.json is missing" in capsys.readouterr().err


def test_counts_are_read_as_they_were_written(tmp_path: Path) -> None:
    given = traffic(7, intervals=3)
    assert counts.read(tmp_path / written(tmp_path, given)) == given
