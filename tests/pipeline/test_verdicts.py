"""How an estimate, its interval and a bound give a status, and findings give a verdict."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.verdict import Bound, Finding, Status, Verdict, judge

NAN, INF = math.nan, math.inf
PASS, FAIL, INSUFFICIENT = Status
LOW, HIGH = Bound("test", low=0.7), Bound("test", high=0.1)
BOTH = Bound("test", low=0.2, high=0.4)


@pytest.mark.parametrize(
    ("estimate", "bound", "interval", "status"),
    [
        (0.8, LOW, None, PASS),
        (0.7, LOW, None, PASS),
        (0.69, LOW, None, FAIL),
        (0.8, LOW, (0.75, 0.85), PASS),
        (0.8, LOW, (0.7, 0.9), PASS),
        (0.8, LOW, (0.65, 0.9), INSUFFICIENT),
        (0.6, LOW, (0.5, 0.9), INSUFFICIENT),
        (0.6, LOW, (0.5, 0.69), FAIL),
        (0.05, HIGH, (0.0, 0.1), PASS),
        (0.05, HIGH, (0.0, 0.11), INSUFFICIENT),
        (0.2, HIGH, (0.15, 0.25), FAIL),
        (0.3, BOTH, (0.2, 0.4), PASS),
        (0.3, BOTH, (0.1, 0.35), INSUFFICIENT),
        (0.3, BOTH, (0.25, 0.45), INSUFFICIENT),
        (0.3, BOTH, (0.1, 0.5), INSUFFICIENT),
        (0.5, BOTH, (0.3, 0.7), INSUFFICIENT),
        (0.5, BOTH, (0.41, 0.7), FAIL),
        (NAN, LOW, None, INSUFFICIENT),
        (NAN, LOW, (0.8, 0.9), INSUFFICIENT),
        (INF, LOW, None, INSUFFICIENT),
        (-INF, HIGH, None, INSUFFICIENT),
        (0.8, LOW, (NAN, 0.9), INSUFFICIENT),
        (0.8, LOW, (0.75, NAN), INSUFFICIENT),
        (0.8, LOW, (NAN, NAN), INSUFFICIENT),
        (0.8, LOW, (-INF, INF), INSUFFICIENT),
    ],
)
def test_status_of_an_estimate(
    estimate: float, bound: Bound, interval: tuple[float, float] | None, status: Status
) -> None:
    finding = judge("it", estimate, bound, interval=interval, n=100)
    assert finding.status is status
    assert finding.passes == (status is PASS)
    assert finding.n == 100
    assert finding.why


def test_the_advised_rows_or_bound_would_pass() -> None:
    """With the advised number of rows, or with the advised bound, the same interval passes."""
    finding = judge("it", 0.75, LOW, interval=(0.65, 0.85), n=100)
    rows, bound = re.search(
        r"about (\d+) more holdout rows, or a bound of ([\d.]+)", finding.why
    ).groups()
    assert int(rows) == 300
    shrunk = 0.1 / math.sqrt((100 + int(rows)) / 100)
    assert judge("it", 0.75, LOW, interval=(0.75 - shrunk, 0.75 + shrunk)).passes
    assert judge("it", 0.75, Bound("test", low=float(bound)), interval=(0.65, 0.85)).passes


def _finding(status: Status, accepted: str | None = None) -> Finding:
    return Finding(f"it/{status}", status, "because", accepted=accepted)


@pytest.mark.parametrize(
    ("findings", "status", "passes"),
    [
        ([], INSUFFICIENT, False),
        ([_finding(PASS)], PASS, True),
        ([_finding(PASS), _finding(INSUFFICIENT)], INSUFFICIENT, False),
        ([_finding(INSUFFICIENT), _finding(FAIL), _finding(PASS)], FAIL, False),
        ([_finding(PASS), _finding(INSUFFICIENT, "agreed")], INSUFFICIENT, True),
        ([_finding(INSUFFICIENT), _finding(INSUFFICIENT, "agreed")], INSUFFICIENT, False),
        ([_finding(FAIL, "agreed")], FAIL, False),
        ([_finding(FAIL, "agreed"), _finding(INSUFFICIENT, "agreed")], FAIL, False),
    ],
)
def test_a_verdict_has_the_status_of_its_worst_finding(
    findings: list[Finding], status: Status, passes: bool, tmp_path: Path
) -> None:
    verdict = Verdict.of("it", findings)
    assert (verdict.status, verdict.passes) == (status, passes)
    verdict.write(tmp_path / "verdict.json")
    assert Verdict.read((tmp_path / "verdict.json").read_bytes(), "it") == verdict


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"gate": "it", "status": "fine"}'])
def test_a_text_that_is_not_a_verdict_is_refused(text: bytes) -> None:
    with pytest.raises(SluiceError, match="it: not a verdict"):
        Verdict.read(text, "it")


@pytest.mark.parametrize(
    ("bound", "interval", "guess", "says"),
    [
        (Bound("x", low=0.0), (-0.02, 0.1), 0.0, "or accept this finding by name, with the reason"),
        (Bound("x", low=0.7), (0.66, 0.8), 0.5, "or a bound of 0.66 would settle it"),
        (Bound("x", low=0.7), (0.48, 0.9), 0.5, "or accept this finding by name, with the reason"),
        (Bound("x", high=0.2), (0.1, 0.3), 0.25, "accept this finding by name, with the reason"),
        (Bound("x", high=0.2), (0.1, 0.24), 0.25, "a bound of 0.24 would settle it"),
    ],
)
def test_no_bound_is_recommended_that_accepts_uninformative_predictions(
    bound: Bound, interval: tuple[float, float], guess: float, says: str
) -> None:
    found = judge("x", sum(interval) / 2, bound, interval=interval, n=100, guess=guess)
    assert found.status is Status.INSUFFICIENT
    assert found.why.endswith(says)


@pytest.mark.parametrize("high", [0.99996, 1.0, 1.441])
def test_a_bound_that_every_value_meets_is_not_recommended(high: float) -> None:
    bound = Bound("params.yaml: x", high=0.5)
    found = judge("x", 0.3, bound, interval=(0.0, high), n=100, guess=1.0)
    assert found.status is Status.INSUFFICIENT
    assert "or accept this finding by name" in found.why
    narrower = judge("x", 0.3, bound, interval=(0.0, 0.98), n=100, guess=1.0)
    assert "or a bound of 0.98 would settle it" in narrower.why


def test_what_is_not_defined_says_how_many_rows_would_settle_it() -> None:
    bound = Bound("params.yaml: x", low=0.5)
    for estimate, interval in ((0.7, (math.nan, math.nan)), (math.nan, None)):
        found = judge("x", estimate, bound, interval=interval, n=100, rarest=3)
        assert found.status is Status.INSUFFICIENT
        assert "3 rows of the rarest class or group are available, at least 12 needed" in found.why
        assert "about 300 more holdout rows" in found.why
        unknown = judge("x", estimate, bound, interval=interval, n=100)
        assert "at least 12 rows of the rarest class or group would settle it" in unknown.why
