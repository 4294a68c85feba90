"""Performance in production, measured with the true outcomes."""

from __future__ import annotations

import msgspec
import numpy as np

from sluice.metrics import METRICS, Floats, of_task
from sluice.monitor import windows
from sluice.monitor.truth import bands, cohorts, judge, labels_quality, segments
from sluice.monitor.truth.context import Context
from sluice.monitor.truth.evidence import MetricNow, Span, Truth, Week
from sluice.monitor.truth.join import Joined
from sluice.monitor.truth.judge import Spans
from sluice.stats import bootstrap, counted
from sluice.verdict import Bound, Finding, Status, number, plain

GATE = "ground-truth"
_RESAMPLES, _ROW_RESAMPLES = 1_000, 400
_WEEKLY_RESAMPLES = 200  # for the time line, which does not affect the verdict
_NORMAL = 1.96  # half the width of a 95 % interval in standard deviations
_MOST_ROWS = 20_000  # rows that are resampled individually, if counts do not suffice
_UNCOVERED = 0.1  # the largest share of scored rows in bands without labels


def measure(context: Context, joined: Joined) -> tuple[list[Finding], Truth]:
    """The findings on performance, and their evidence. joined: the records of the monitored
    version.
    """
    found = labels_quality.findings(joined, context.reference.task)
    weeks = cohorts.weeks(context.cells, joined, context.last)
    days = cohorts.judged_days(weeks)
    rows = joined.rows(np.isin(joined.days, days))
    if not len(rows.truth):
        why = (
            f"none of the {joined.labels:,} labels is of a row that this version scored: "
            "performance is not known"
        )
        found.append(Finding(f"{GATE}/rows", Status.INSUFFICIENT, why, n=0))
        return found, _evidence(context, joined, 0, weeks, [])
    found += labels_quality.jumps(joined, context)
    by_segment, evidence = segments.measure(context, rows)
    by_task = _binary if context.reference.task == "binary" else _by_rows
    found, truth = by_task(context, joined, rows, weeks, found)
    return found + by_segment, msgspec.structs.replace(truth, segments=evidence)


def _binary(
    context: Context, joined: Joined, rows: Joined, weeks: list[Week], found: list[Finding]
) -> tuple[list[Finding], Truth]:
    known = {day for week in weeks if week.judged for day in range(week.last - 6, week.last + 1)}
    cells = [cell for cell in context.cells if cell.key.day in known]
    bins = context.reference.scores[0].bins
    scored = windows.total([cell.scores[0] for cell in cells], bins.size)
    table, place = bands.of_rows(context.reference, scored, rows.scores, rows.truth)
    found.append(_covered(table))
    inside = table.covered[place]
    if not inside.any():
        return found, _evidence(context, joined, len(rows.truth), weeks, [])
    values, drawn = _weighted(context, rows.rows(inside), place[inside], table.weights)
    spans = {name: context.spans(drawn[name]) for name in drawn}
    n = int(inside.sum())
    judged = [_bounded(context, name, values[name], spans[name], n) for name in _bounds(context)]
    enough = table.coverage >= 1 - _UNCOVERED
    found += judged if enough else [_unknown(one, table.coverage) for one in judged]
    found.append(_change(context, table, n))
    metrics = [
        MetricNow(name, _as_span(values[name], spans[name].usual), _promised(context, name))
        for name in values
    ]
    every = context.reference.scores[0].array.astype(float)
    chosen = context.settings.selection.metric
    now = table.promised(context.costs, everywhere=True).get(chosen)
    before = bands.Bands(every, table.labelled, table.holdout, table.means, table.flagged).promised(
        context.costs, everywhere=True
    )
    weeks = [_with_value(context, joined, week) for week in weeks]
    truth = _evidence(context, joined, n, weeks, metrics)
    return found, msgspec.structs.replace(
        truth,
        coverage=plain(table.coverage),
        without_labels=_number(now),
        without_labels_promised=_number(before.get(chosen)),
    )


def _weighted(
    context: Context,
    rows: Joined,
    place: np.ndarray,
    weights: Floats,
    resamples: int = _RESAMPLES,
) -> tuple[dict[str, float], dict[str, Floats]]:
    """Every metric, with each row weighted by its band, and those of bootstrap samples."""
    groups = counted.group(rows.scores, rows.decisions == 1, place, rows.truth.astype(np.int64))
    scale = weights[groups.band]
    samples = counted.resampled(groups, resamples, context.settings.seed) * scale
    values = counted.metrics(groups, groups.counts[None] * scale, context.costs)
    exact = {name: float(one[0]) for name, one in values.items()}
    return exact, counted.metrics(groups, samples, context.costs)


def _with_value(context: Context, joined: Joined, week: Week) -> Week:
    """The week with the selection's metric of its labelled rows, not weighted by their bands."""
    rows = joined.rows((joined.days <= week.last) & (joined.days > week.last - 7))
    if len(np.unique(rows.truth)) < 2:
        return week
    place = np.zeros(len(rows.truth), np.intp)
    values, drawn = _weighted(context, rows, place, np.ones(1), _WEEKLY_RESAMPLES)
    chosen = context.settings.selection.metric
    return msgspec.structs.replace(
        week, value=_as_span(values[chosen], context.spans(drawn[chosen]).usual)
    )


def _by_rows(
    context: Context, joined: Joined, rows: Joined, weeks: list[Week], found: list[Finding]
) -> tuple[list[Finding], Truth]:
    """Measure a multi-class or regression task, whose metrics need the rows; bands are not used."""
    from tqdm import tqdm

    settings = context.settings
    n, random = len(rows.truth), np.random.default_rng(context.settings.seed)
    if n > _MOST_ROWS:
        chosen = np.zeros(n, bool)
        chosen[random.choice(n, _MOST_ROWS, replace=False)] = True
        rows, n = rows.rows(chosen), _MOST_ROWS
    outcome = rows.predictions(settings)
    suitable = of_task(settings.task)

    def statistic(drawn: bootstrap.Rows) -> dict[str, float]:
        part = outcome.rows(drawn)
        return {name: metric.compute(part) for name, metric in suitable.items()}

    drawn = [
        statistic(bootstrap.draw(random, n))
        for _ in tqdm(range(_ROW_RESAMPLES), GATE, leave=False, disable=None)
    ]
    spans = {name: context.spans(np.array([one[name] for one in drawn])) for name in suitable}
    values = statistic(np.arange(n))
    found += [_bounded(context, name, values[name], spans[name], n) for name in _bounds(context)]
    metrics = [
        MetricNow(name, _as_span(values[name], spans[name].usual), _promised(context, name))
        for name in values
    ]
    return found, _evidence(context, joined, n, weeks, metrics)


def _bounds(context: Context) -> list[str]:
    return list(context.settings.performance.bounds)


def _bounded(context: Context, name: str, value: float, span: Spans, n: int) -> Finding:
    limits = context.settings.performance.bounds[name]
    bound = Bound(f"params.yaml: performance.bounds.{name}", limits.low, limits.high)
    promised = context.promised.metrics.get(name)
    what = (
        f"{number(promised.estimate)} on the holdout, now"
        if promised and promised.estimate is not None
        else "now"
    )
    return judge.shown(f"{GATE}/{name}", value, span, bound, n=n, what=what)


def _change(context: Context, table: bands.Bands, n: int) -> Finding:
    """The selection's metric compared with what the holdout predicts for rows with these scores."""
    chosen = context.settings.selection.metric
    exact, drawn, promises = table.changes(
        context.costs, resamples=_RESAMPLES, seed=context.settings.seed
    )
    promise = table.promised(context.costs)[chosen]
    sign = 1.0 if METRICS[chosen].higher_is_better else -1.0
    margin = context.settings.performance.under_champion * abs(promise)
    bound = Bound(
        "params.yaml: performance.under_champion, times the holdout's value", low=plain(-margin)
    )
    what = f"gain in {chosen} over the {number(promise)} that the holdout predicts for these scores"
    return judge.shown(
        f"{GATE}/change in {chosen}",
        sign * exact[chosen],
        context.spans(sign * drawn[chosen]),
        bound,
        n=n,
        what=what,
        other=float(_NORMAL * np.std(promises[chosen])),
    )


def _unknown(finding: Finding, coverage: float) -> Finding:
    """A metric known for too few of the scored rows is not compared with its bound."""
    why = f"known only for {coverage:.1%} of the scored rows, because the others get no labels"
    return msgspec.structs.replace(finding, status=Status.INSUFFICIENT, why=why)


def _covered(table: bands.Bands) -> Finding:
    share = plain(1 - table.coverage)
    bound = Bound("a fixed rule of sluice", high=_UNCOVERED)
    why = f"{share:.1%} of the scored rows have scores with hardly any labels"
    status = Status.PASS
    if not bound.admits(share):
        status = Status.INSUFFICIENT
        why += ": performance is not known for them; get labels of some rows with such scores"
    n = int(table.scored.sum())
    return Finding(f"{GATE}/scores without labels", status, why, share, n=n, bound=bound)


def _promised(context: Context, name: str) -> Span:
    said = context.promised.metrics.get(name)
    return (said.estimate, said.low, said.high) if said else (None, None, None)


def _number(value: float | None) -> float | None:
    return plain(value) if value is not None and np.isfinite(value) else None


def _as_span(value: float, span: tuple[float, float]) -> Span:
    return _number(value), _number(span[0]), _number(span[1])


def _evidence(
    context: Context, joined: Joined, rows: int, weeks: list[Week], metrics: list[MetricNow]
) -> Truth:
    return Truth(
        context.settings.selection.metric,
        rows,
        len(joined.truth),
        joined.labels,
        joined.corrected,
        {problem.name: problem.rows for problem in joined.problems},
        None,
        tuple(weeks),
        tuple(metrics),
    )
