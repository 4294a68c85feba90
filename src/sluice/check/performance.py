"""The performance gate: is the model good enough, and better than predictions without a model?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from sluice import judged as judgements
from sluice import table
from sluice.check import coin_toss, curves, segments
from sluice.check.baselines import baselines
from sluice.check.calibration import calibration
from sluice.check.clusters import clusters_of, enough, with_count
from sluice.check.outcome import decided_by, scores_of
from sluice.config import Settings
from sluice.config.stages import Performance
from sluice.files import write_json
from sluice.metrics import METRICS, Predictions, of_task
from sluice.model import Model
from sluice.project import Project
from sluice.stats import reuse
from sluice.stats.bootstrap import Clusters, Rows, intervals
from sluice.verdict import Bound, Finding, Status, judge, number, plain

_CALIBRATION = "calibration_error"


def measure(
    project: Project, others: Iterable[judgements.Model] = (), *, evidence: bool = True
) -> list[Finding]:
    """Judge the model on the holdout.

    others: models that were judged on these rows and are not in judged.jsonl. evidence: whether to
    write the numbers for the report as well.
    """
    settings = project.settings.performance
    frame, model = table.read_split(project.split("holdout")), Model(project.model)
    scores = scores_of(project.settings, model, frame)
    outcome = decided_by(project.settings, model, frame, scores)
    rivals = baselines(project, frame)
    if project.settings.segment_column is not None:
        rivals[segments.GLOBAL] = segments.by_global(project.settings, model, frame)
    clusters = clusters_of(frame, project.settings)
    judged = judgements.count(project, frame, others)
    measured = with_intervals(project, outcome, rivals, clusters, judged)
    values, spans = measured.values, measured.spans
    if evidence:
        write_evidence(project, outcome, rivals, values, spans)
    findings = [
        judge(
            f"performance/{name}",
            values[name],
            Bound(project.source("performance", "bounds", name), bound.low, bound.high),
            interval=spans[name],
            n=len(outcome.truth),
            rarest=outcome.rarest,
            guess=_guessed(name, rivals),
        )
        for name, bound in settings.bounds.items()
    ]
    findings += [
        judge(
            f"performance/gain over {name}",
            values[f"gain over {name}"],
            _least(name, settings),
            interval=spans[f"gain over {name}"],
            n=len(outcome.truth),
            guess=0.0,
        )
        for name in rivals
    ]
    findings = [with_count(finding, clusters, project.settings) for finding in findings]
    findings = [_with_only_input(finding, project.settings) for finding in findings]
    findings = [_with_risk(finding, measured.risk) for finding in findings]
    findings += enough("performance", clusters, project.settings)
    findings.append(uses(judged, project))
    if scores.segments is not None:
        rest = rivals[segments.GLOBAL]
        findings += segments.findings(project, frame, outcome, rest, scores.segments)
    findings += [
        _believable(name, values[name], high, len(outcome.truth))
        for name, high in settings.ceiling.items()
        if name in values
    ]
    if project.settings.task != "regression":
        findings.append(_decides(outcome, project.settings))
    return findings + coin_toss.findings(project.settings, outcome, rivals, clusters)


def _guessed(metric: str, rivals: dict[str, Predictions]) -> float | None:
    """The metric of the same prediction for every row; None if it is undefined."""
    if metric == _CALIBRATION:
        return None
    value = METRICS[metric].compute(next(iter(rivals.values())))
    return value if math.isfinite(value) else None


def _least(rival: str, settings: Performance) -> Bound:
    """How much better the model must be than a baseline."""
    if rival == segments.GLOBAL:
        return Bound("params.yaml: performance.over_global", low=settings.over_global)
    return Bound("params.yaml: performance.over_baselines", low=settings.over_baselines)


def _with_only_input(finding: Finding, settings: Settings) -> Finding:
    """A gain over a baseline; with a single input, the reason says why the other baseline is
    missing.
    """
    if len(settings.features) > 1 or not finding.name.startswith("performance/gain over "):
        return finding
    only = f"{settings.features[0]!r} is the only input, so no single column is compared"
    return msgspec.structs.replace(finding, why=f"{finding.why} ({only})")


_USUAL_RISK = 0.05


def _with_risk(finding: Finding, risk: float) -> Finding:
    """The finding on calibration; if the upper end of the interval is less reliable than usual, the
    reason says so.
    """
    if finding.name != f"performance/{_CALIBRATION}" or risk <= _USUAL_RISK:
        return finding
    why = (
        f"{finding.why} (with so few rows, the upper end is reliable with a probability of "
        f"{1 - risk:.0%})"
    )
    return msgspec.structs.replace(finding, why=why)


def uses(judged: int, project: Project) -> Finding:
    """A finding on whether the holdout has been used too often to judge another model."""
    settings = project.settings.performance
    bound = Bound(project.source("performance", "judgements"), high=settings.judgements)
    name = "performance/models judged on this holdout"
    factor = reuse.widening(settings.confidence, judged)
    why = (
        f"{judged} of at most {settings.judgements}; intervals are {number(factor)} times as wide "
        "as for the first model, so that no model passes by chance"
    )
    if bound.admits(judged):
        return Finding(name, Status.PASS, why, judged, bound=bound)
    why = (
        f"{why}; the holdout has been used too often: add new rows until most of the holdout is new"
    )
    return Finding(name, Status.INSUFFICIENT, why, judged, bound=bound)


def _believable(metric: str, value: float, ceiling: float, n: int) -> Finding:
    """Judge whether a metric is so good that the model may have seen the answer."""
    name = f"performance/{metric} too good to be true"
    bound = Bound(f"params.yaml: performance.ceiling.{metric}", high=ceiling)
    found = judge(name, value, bound, n=n)
    if found.status is not Status.FAIL:
        return found
    why = (
        f"{number(value)} is above the ceiling of {number(ceiling)}, which suggests that an input "
        "is known only after the target: look at the most important columns, and set "
        "'use: ignored' for such a column in params.yaml. If the task really is that easy, accept "
        "this finding by name, with the reason"
    )
    return Finding(name, Status.INSUFFICIENT, why, plain(value), n=n, bound=bound)


def _decides(outcome: Predictions, settings: Settings) -> Finding:
    """Refuse a model that decides the same for every row, however well its scores rank them."""
    classes, found = settings.classes, np.unique(outcome.decisions)
    bound = Bound("a model decides between classes", low=2)
    name, n = "performance/classes decided for", len(outcome.truth)
    if len(found) > 1:
        why = f"{len(found)} of {len(classes)} classes occur among the decisions"
        return Finding(name, Status.PASS, why, len(found), n=n, bound=bound)
    only = int(found[0])
    again = ", commit it, and run 'sluice adopt --again', because derived bounds change with it"
    why = (
        f"the decision for every row of the holdout is {classes[only]!r}, so the model "
        "distinguishes nothing: set under selection.costs in params.yaml what each error costs, "
        f"such as {_balancing_costs(outcome, only)}{again if settings.bounds == 'derived' else ''}"
    )
    return Finding(name, Status.FAIL, why, len(found), n=n, bound=bound)


def _balancing_costs(outcome: Predictions, only: int) -> str:
    """Costs with which it is no cheaper to decide for the class `only` than for another one."""
    rows = np.bincount(outcome.truth.astype(np.intp), minlength=len(outcome.classes))
    other = max((k for k in range(len(rows)) if k != only), key=lambda k: int(rows[k]))
    names = list(outcome.classes)
    if outcome.task == "binary":
        names = ["false_positive", "false_negative"]
    ratio = number(float(rows[only] / max(1, rows[other])))
    return f"{names[only]}: 1 and {names[other]}: {ratio}"


@dataclass(frozen=True)
class Measured:
    """Every metric of the task and the gain over each baseline, with their intervals.

    risk: the probability that the calibration error is above the upper end of its interval.
    """

    values: dict[str, float]
    spans: dict[str, tuple[float, float]]
    risk: float


def with_intervals(
    project: Project,
    outcome: Predictions,
    rivals: dict[str, Predictions],
    clusters: Clusters | None,
    judged: int,
) -> Measured:
    """Measure the model, and compare it with the baselines.

    judged: how many models were judged on these rows, which widens the intervals.
    """
    settings = project.settings
    suitable = of_task(settings.task)
    chosen = settings.selection.metric
    # The interval of the calibration error needs no resamples.
    kept = suitable.keys() - ({_CALIBRATION} - {chosen})
    bootstrapped = {name: metric for name, metric in suitable.items() if name in kept}

    def statistic(rows: Rows) -> dict[str, float]:
        drawn = outcome.rows(rows)
        values = {name: metric.compute(drawn) for name, metric in bootstrapped.items()}
        for name, rival in rivals.items():
            theirs = METRICS[chosen].compute(rival.rows(rows))
            values[f"gain over {name}"] = METRICS[chosen].gain(values[chosen], theirs)
        return values

    n = len(outcome.truth)
    values = statistic(np.arange(n))
    spans = intervals(
        statistic,
        n,
        clusters=clusters,
        rarest=outcome.rarest,
        resamples=settings.performance.resamples,
        confidence=settings.performance.confidence,
        seed=settings.seed,
        doing="performance",
    )
    factor = reuse.widening(settings.performance.confidence, judged)
    spans = {name: reuse.widened(values[name], span, factor) for name, span in spans.items()}
    tail = reuse.tail(settings.performance.confidence, judged)
    if _CALIBRATION not in suitable:
        return Measured(values, spans, tail)
    bound = settings.performance.bounds.get(_CALIBRATION)
    found = calibration(
        outcome, clusters, bound=bound.high if bound else None, tail=tail, share=reuse.share(judged)
    )
    values[_CALIBRATION] = found.error.estimate
    spans[_CALIBRATION] = found.error.low, found.error.high
    return Measured(values, spans, found.risk)


def write_evidence(
    project: Project,
    outcome: Predictions,
    rivals: dict[str, Predictions],
    values: dict[str, float],
    spans: dict[str, tuple[float, float]],
) -> None:
    """Write every metric and gain with its interval, for the report."""
    folder = project.evidence("performance")
    write_json(
        folder / "metrics.json",
        {
            "rows": len(outcome.truth),
            "metrics": {name: _measured(values[name], spans[name]) for name in sorted(values)},
            "baselines": {
                name: plain(METRICS[project.settings.selection.metric].compute(rival))
                for name, rival in rivals.items()
            },
        },
    )
    for name, rows in curves.of(outcome).items():
        write_json(folder / f"{name}.json", rows)


def _measured(value: float, span: tuple[float, float]) -> dict[str, float | None]:
    named = dict(zip(("estimate", "low", "high"), (value, *span), strict=True))
    return {key: plain(end) if np.isfinite(end) else None for key, end in named.items()}
