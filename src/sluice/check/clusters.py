"""Rows that belong together, as split.group in params.yaml says, in the gates' statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sluice.config import Settings
from sluice.stats.bootstrap import FEWEST_CLUSTERS, Clusters
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from pandas import DataFrame


def clusters_of(frame: DataFrame, settings: Settings) -> Clusters | None:
    """The number of each row's group, shape [n]; None if rows are independent."""
    import pandas as pd

    column = settings.split.group_column
    return None if column is None else pd.factorize(frame[column])[0].astype(np.intp)


def count(clusters: Clusters) -> int:
    """The number of distinct clusters."""
    return len(np.unique(clusters))


def enough(gate: str, clusters: Clusters | None, settings: Settings) -> list[Finding]:
    """A finding on whether the holdout has enough groups for intervals; none if rows are
    independent.
    """
    if clusters is None:
        return []
    bound = Bound("an interval from fewer groups would be too narrow", low=FEWEST_CLUSTERS)
    known = count(clusters)
    found = judge(f"{gate}/groups of rows", known, bound, n=len(clusters))
    values = f"distinct values of {settings.split.group_column!r} in the holdout"
    if found.status is Status.PASS:
        return [msgspec.structs.replace(found, why=f"{found.why}; the groups are the {values}")]
    why = (
        f"{known} {values}, at least {FEWEST_CLUSTERS} are needed: add rows with other values, "
        f"about {FEWEST_CLUSTERS - known} more values in the holdout, or accept this finding by "
        "name, with the reason"
    )
    return [msgspec.structs.replace(found, status=Status.INSUFFICIENT, why=why)]


def with_count(finding: Finding, clusters: Clusters | None, settings: Settings) -> Finding:
    """The finding with the number of groups of its rows added to its reason."""
    if clusters is None or finding.interval is None:
        return finding
    groups = f"{count(clusters):,} groups by {settings.split.group_column!r}"
    return msgspec.structs.replace(
        finding, why=f"{finding.why} ({len(clusters):,} rows in {groups})"
    )
