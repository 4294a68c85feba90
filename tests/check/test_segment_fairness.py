"""Groups in each segment: one unfair segment is found, and chance alone refuses none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sluice.check import segment_fairness
from sluice.check.group_measures import Measure
from sluice.check.groups import Grouping
from sluice.config import Range
from sluice.verdict import Finding, Status

STORES, ROWS = 20, 200
NAME = "fairness/side/segments out of bounds"


def judged(
    rates: dict[tuple[str, str], float],
    *,
    seed: int = 1,
    group_rows: int = 60,
    bound: str = "selection_rate_difference",
    segments: str | None = "store",
    clusters: int | None = None,
) -> list[Finding]:
    """The findings for stores of equal size. rates: the selection rates that are not 0.3, by store
    and group. clusters: how many groups of rows there are, if rows are not independent.
    """
    random = np.random.default_rng(seed)
    store = np.repeat([f"s{k}" for k in range(STORES)], ROWS)
    side = random.integers(0, 2, len(store))
    rate = [rates.get((s, "ab"[g]), 0.3) for s, g in zip(store, side, strict=True)]
    selected = (random.random(len(store)) < rate).astype(np.float64)
    measure = Measure("selection_rate", "selection_rate", selected, np.ones(len(store), bool))
    high = {"high": 0.2} if bound.endswith("difference") else {"low": 0.5}
    project: Any = SimpleNamespace(
        settings=SimpleNamespace(
            segment_column=segments,
            fairness=SimpleNamespace(group_rows=group_rows, bounds={bound: Range(**high)}),
        )
    )
    rows = None if clusters is None else np.arange(len(store)) % clusters
    single = Grouping(("side",), ("a", "b"), side.astype(np.intp))
    crossed = Grouping(("side", "age"), ("a", "b"), side.astype(np.intp))
    return segment_fairness.findings(
        project,
        pd.DataFrame({"store": store}),
        [single, crossed],
        [measure],
        clusters=rows,
        tail=0.025,
    )


@pytest.mark.parametrize("bound", ["selection_rate_difference", "selection_rate_ratio"])
def test_one_unfair_segment_among_fair_ones_is_refused(bound: str) -> None:
    kind = bound.rpartition("_")[2]
    (found,) = judged({("s7", "a"): 0.9, ("s7", "b"): 0.1}, bound=bound)
    assert (found.name, found.status, found.estimate, found.n) == (NAME, Status.FAIL, 1, STORES)
    assert found.why.startswith(f"1 out of bounds: 's7' (selection_rate {kind} 0.")
    assert "; 20 of 20 segments have at least two groups" in found.why


def test_chance_alone_refuses_hardly_any_model() -> None:
    """Each segment's true difference is at the bound, the worst that is allowed."""
    edge = {(f"s{k}", "a"): 0.5 for k in range(STORES)}
    wrong = sum(judged(edge, seed=seed)[0].status is not Status.PASS for seed in range(60))
    assert wrong <= 5  # at most 5 % are expected


def test_segments_without_enough_rows_are_not_judged() -> None:
    unfair = {("s7", "a"): 0.9, ("s7", "b"): 0.1}
    (found,) = judged(unfair, group_rows=150)
    assert (found.status, found.n) == (Status.PASS, 0)
    assert "0 of 20 segments have at least two groups of 150 rows" in found.why
    (found,) = judged(unfair, clusters=5)
    assert (found.status, found.n) == (Status.PASS, 0)
    (found,) = judged(unfair, clusters=100)
    assert found.status is Status.FAIL


def test_a_model_without_segments_has_no_such_finding() -> None:
    assert judged({}, segments=None) == []
