"""Columns that number or name the rows are not inputs; features that are sorted are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.adopt.profile.counter import counts_rows

ROWS = 300
RANDOM = np.random.default_rng(5)


def sample(largest: int) -> list[int]:
    return sorted(RANDOM.choice(largest, ROWS, replace=False).tolist())


COUNTERS = {
    "a": range(ROWS),
    "b": range(1, ROWS + 1),
    "c": range(ROWS, 0, -1),
    "with gaps": sample(2 * ROWS),
    "with large gaps": sample(20 * ROWS),
    "from the middle of a database": [100_000 + k for k in sample(3 * ROWS)],
    "in another order": RANDOM.permutation(ROWS).tolist(),
    "Unnamed: 0": [*range(ROWS // 2), *range(ROWS // 2)],
    "Unnamed: 0.1": RANDOM.integers(0, 99, ROWS).tolist(),
    "level_0": [*range(ROWS // 2), *range(ROWS // 2)],
    "index": [*range(ROWS // 2), *range(ROWS // 2)],
    "X": RANDOM.permutation(10 * ROWS)[:ROWS].tolist(),
    "V1": range(ROWS),
    "rownames": RANDOM.permutation(2 * ROWS)[:ROWS].tolist(),
    "row.names": range(ROWS),
    "Row ID": range(10, ROWS + 10),
    "...1": range(ROWS),
    "No": range(1, ROWS + 1),
}

FEATURES = {
    "age": sorted(RANDOM.integers(18, 90, ROWS).tolist()),
    "year": range(1700, 1700 + ROWS),
    "years that fall": range(2020, 2020 - ROWS, -1),
    "price": sorted(np.unique(np.exp(RANDOM.normal(10, 1, ROWS)).astype(int)).tolist()),
    "index": RANDOM.integers(0, 50, ROWS).tolist(),
    "X": [k % 9 for k in range(ROWS)],
    "x": [k * k for k in range(ROWS)],
    "hour": [k % 24 for k in range(ROWS)],
    "key in no order": RANDOM.choice(10**6, ROWS, replace=False).tolist(),
    "powers": [k**3 for k in range(ROWS)],
}


@pytest.mark.parametrize("name", COUNTERS)
def test_a_count_of_the_rows_is_recognised(name: str) -> None:
    assert counts_rows(pd.Series(COUNTERS[name], name=name, dtype="Int64"))


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_not_a_count_even_if_it_is_in_order(name: str) -> None:
    assert not counts_rows(pd.Series(FEATURES[name], name=name, dtype="Int64"))


def test_a_column_with_missing_values_or_fractions_is_not_a_count() -> None:
    assert not counts_rows(pd.Series([*range(ROWS), None], name="index", dtype="Int64"))
    assert not counts_rows(pd.Series(np.arange(ROWS) / 2, name="index"))
    assert not counts_rows(pd.Series(map(str, range(ROWS)), name="index"))


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 3000), min_size=100, max_size=300), st.integers(3, 9))
def test_a_repeat_makes_it_a_feature(numbers: set[int], times: int) -> None:
    repeated = sorted([*numbers, *list(numbers)[:times]])
    assert not counts_rows(pd.Series(repeated, name="size", dtype="Int64"))
