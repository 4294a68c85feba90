"""Sensitive columns and the groups whose treatment the fairness gate compares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sluice import table
from sluice.adopt.profile import ColumnProfile, holdout_share
from sluice.adopt.profile.margins import allowed_missing, mostly_known, widened_range
from sluice.adopt.profile.values import (
    as_scalar,
    is_date,
    is_number,
    known_labels,
    number_type,
    rounded,
)
from sluice.config import Groups
from sluice.errors import SluiceError
from sluice.labels import MISSING

if TYPE_CHECKING:
    from pandas import Series

_MOST_GROUPS = 12  # a number with more distinct values is divided into bands
_BANDS = 3
_GROUP_ROWS = 50  # with fewer holdout rows, a group cannot be judged


def profile_sensitive(column: Series) -> ColumnProfile:
    """Return the profile of a sensitive column. Raises SluiceError without comparable groups."""
    name, labels, missing = str(column.name), known_labels(column), allowed_missing(column)
    if is_date(column):
        raise SluiceError(f"--sensitive: column {name!r} is a date: add a column such as the age")
    if len(labels) < 2:
        raise SluiceError(
            f"--sensitive: column {name!r} has only one value, so there are no groups to compare: "
            "leave the option out"
        )
    if len(labels) <= _MOST_GROUPS:
        values = tuple(map(as_scalar, labels))
        return ColumnProfile(
            name, "category", values=values, missing=missing, mostly=mostly_known(column)
        )
    if not is_number(column):
        raise SluiceError(
            f"--sensitive: column {name!r} has {len(labels):,} different texts, but at most "
            f"{_MOST_GROUPS} groups can be compared: combine some"
        )
    low, high = widened_range(column)
    return ColumnProfile(name, number_type(column), "feature", low, high, missing=missing)


def groups_of(column: Series, profile: ColumnProfile) -> Groups:
    """Return the groups of a sensitive column: bands of a number, or its values.

    Values with too few holdout rows to be judged alone form one group. A larger group is never
    merged, although its intersections with other columns may be small.
    """
    if not profile.values:
        return _bands(column)
    counts = table.labels(column).value_counts()
    counts = counts[counts.index != MISSING].sort_index().sort_values(kind="stable")
    least = _GROUP_ROWS / holdout_share(len(column))
    # The most frequent value is a group of its own even if all are rare.
    small = {str(text) for text, rows in counts.iloc[:-1].items() if rows < least}
    if len(small) < 2:
        return Groups()
    labels = known_labels(column)
    groups = {text: [as_scalar(text)] for text in labels if text not in small}
    return Groups(groups={**groups, "all others": [as_scalar(t) for t in labels if t in small]})


def _bands(column: Series) -> Groups:
    """Divide a number at round values near its terciles."""
    known = column.dropna().astype("float64")
    cuts = known.quantile([1 / _BANDS, 2 / _BANDS]).tolist()
    step = 10.0 ** math.floor(math.log10(float(known.max() - known.min()) / 20))
    round_cuts = {rounded(round(cut / step) * step) for cut in cuts}
    inside = sorted(cut for cut in round_cuts if known.min() < cut <= known.max())
    return Groups(bands=inside or [rounded(float(known.median()))])
