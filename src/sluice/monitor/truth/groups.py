"""Fairness in production, for the sensitive columns in the file of labels."""

from __future__ import annotations

import numpy as np

from sluice.check.group_measures import Measure, measures
from sluice.check.groups import Grouping, groupings
from sluice.config import Settings
from sluice.metrics import Predictions
from sluice.monitor.truth import judge
from sluice.monitor.truth.join import Joined
from sluice.monitor.truth.judge import Spans
from sluice.stats import bootstrap
from sluice.verdict import Bound, Finding, Status

GATE = "fairness"
_MOST_ROWS, _RESAMPLES = 20_000, 400


def columns(settings: Settings, joined: Joined) -> list[str]:
    """The sensitive columns that the file has."""
    return [name for name in settings.data.sensitive if name in joined.extras.column_names]


def findings(settings: Settings, joined: Joined) -> list[Finding]:
    """The findings on each bound of the fairness gate, for the groups of each single column."""
    import pandas as pd

    named = columns(settings, joined)
    rows, random = joined, np.random.default_rng(settings.seed)
    if len(joined.truth) > _MOST_ROWS:
        chosen = np.zeros(len(joined.truth), bool)
        chosen[random.choice(len(chosen), _MOST_ROWS, replace=False)] = True
        rows = joined.rows(chosen)
    frame = rows.extras.select(named).to_pandas()
    for name in named:
        if settings.columns[name].numeric:
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    only = settings.model_copy(update={"data": settings.data.comparing(named)})
    made = groupings(frame, only)
    outcome = rows.predictions(settings)
    single = [one for one in made if len(one.columns) == 1]
    return [found for one in single for found in _compare(settings, one, outcome, random)]


def _compare(
    settings: Settings, grouping: Grouping, outcome: Predictions, random: np.random.Generator
) -> list[Finding]:
    least = settings.fairness.group_rows
    sizes = grouping.sizes
    found = [
        Finding(
            f"{GATE}/{name}/rows",
            Status.INSUFFICIENT,
            f"{size:,} labelled rows, at least {least:,} are needed",
            n=size,
        )
        for name, size in sizes.items()
        if size < least
    ]
    large = [name for name, size in sizes.items() if size >= least]
    if len(large) < 2:
        return found
    taken = measures(outcome)
    n = len(grouping.codes)
    exact = _between(grouping, large, taken, np.arange(n))
    drawn = [_between(grouping, large, taken, bootstrap.draw(random, n)) for _ in range(_RESAMPLES)]
    for key, limits in settings.fairness.bounds.items():
        kind, _, comparison = key.rpartition("_")
        bound = Bound(f"params.yaml: fairness.bounds.{key}", limits.low, limits.high)
        for measure in taken:
            if measure.kind != kind:
                continue
            name = f"{measure.name} {comparison}"
            spans = Spans.of(
                np.array([one[name] for one in drawn]),
                settings.fairness.confidence,
                settings.monitor.false_alarms_a_year,
            )
            title = f"{GATE}/{grouping.title}/{name}"
            count = sum(sizes[group] for group in large)
            found.append(judge.shown(title, exact[name], spans, bound, n=count))
    return found


def _between(
    grouping: Grouping, groups: list[str], taken: list[Measure], rows: bootstrap.Rows
) -> dict[str, float]:
    """The difference and the ratio of each measure between the groups; NaN if undefined."""
    codes = grouping.among(groups)[rows]
    found = {}
    for measure in taken:
        inside = measure.counted[rows] & (codes >= 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = np.bincount(codes[inside], measure.values[rows][inside], len(groups))
            means = sums / np.bincount(codes[inside], minlength=len(groups))
            found[f"{measure.name} difference"] = float(means.max() - means.min())
            found[f"{measure.name} ratio"] = float(means.min() / means.max())
    return found
