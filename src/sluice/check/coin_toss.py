"""Whether the bounds of the performance gate would accept uninformative predictions.

Two kinds are tried: the candidate's own predictions in random order, and the same score for every
row (the share of each class) with random decisions. If all bounds accept one of them, with its
entire confidence interval, as the gate requires it, then passing the gate says nothing about a
model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sluice.config import Settings
from sluice.metrics import METRICS, Floats, Ints, Predictions
from sluice.stats.bootstrap import Clusters, Rows, intervals
from sluice.verdict import Finding, Status

NAME = "performance/gates nothing"
# Random decisions may choose a class with any frequency.
_SHARES = (0.1, 0.5, 0.9)
_NUDGE = 1e-9


def findings(
    settings: Settings,
    outcome: Predictions,
    rivals: dict[str, Predictions],
    clusters: Clusters | None,
) -> list[Finding]:
    """A finding if every bound admits a coin toss; none otherwise."""
    for what, tossed in _tosses(outcome, settings.seed):
        if _admitted(settings, tossed, rivals, clusters):
            why = (
                f"gates nothing: {what}, which do not depend on the rows, are within every bound "
                "of this gate: tighten performance.bounds or performance.over_baselines in "
                "params.yaml"
            )
            n = len(outcome.truth)
            return [Finding(NAME, Status.INSUFFICIENT, why, n=n)]
    return []


def _admitted(
    settings: Settings,
    tossed: Predictions,
    rivals: dict[str, Predictions],
    clusters: Clusters | None,
) -> bool:
    """Whether every bound admits the values and their intervals. The intervals come last, because
    they take longer.
    """
    performance, chosen = settings.performance, METRICS[settings.selection.metric]
    bounds = {name: (bound.low, bound.high) for name, bound in performance.bounds.items()}
    bounds |= {f"gain over {name}": (performance.over_baselines, None) for name in rivals}

    def measured(rows: Rows) -> dict[str, float]:
        drawn = tossed.rows(rows)
        values = {name: METRICS[name].compute(drawn) for name in performance.bounds}
        reached = chosen.compute(drawn)
        gains = {n: chosen.gain(reached, chosen.compute(r.rows(rows))) for n, r in rivals.items()}
        return values | {f"gain over {name}": gain for name, gain in gains.items()}

    n = len(tossed.truth)
    values = measured(np.arange(n))
    if not all(_within(values[name], bound) for name, bound in bounds.items()):
        return False
    spans = intervals(
        measured,
        n,
        clusters=clusters,
        resamples=performance.resamples,
        confidence=performance.confidence,
        seed=settings.seed,
        doing="coin toss",
    )
    # The interval of the calibration error is another one, see `sluice.check.calibration`.
    return all(
        _within(end, bound)
        for name, bound in bounds.items()
        for end in spans[name]
        if name != "calibration_error"
    )


def _within(value: float, bound: tuple[float | None, float | None]) -> bool:
    low, high = bound
    return (low is None or value >= low) and (high is None or value <= high)


def _tosses(outcome: Predictions, seed: int) -> Iterator[tuple[str, Predictions]]:
    random = np.random.default_rng(seed)
    n = len(outcome.truth)
    moved = random.permutation(n)
    yield (
        "the candidate's own predictions in random order",
        replace(outcome, scores=outcome.scores[moved], decisions=outcome.decisions[moved]),
    )
    if outcome.task == "regression":
        mean = np.full(n, outcome.truth.mean())
        yield "the mean for every row", replace(outcome, scores=mean, decisions=mean)
        return
    shares = np.bincount(outcome.truth.astype(np.intp), minlength=len(outcome.classes)) / n
    scores = _alike(outcome, shares, random)
    for share in _SHARES:
        yield (
            "random decisions with the same score for every row",
            replace(outcome, scores=scores, decisions=_lots(len(shares), share, n, random)),
        )


def _alike(outcome: Predictions, shares: Floats, random: np.random.Generator) -> Floats:
    """Scores that hardly differ, so that their order is random."""
    n = len(outcome.truth)
    if outcome.task == "binary":
        return np.clip(shares[1] + _NUDGE * random.standard_normal(n), 0, 1)
    return np.clip(shares + _NUDGE * random.standard_normal((n, len(shares))), 0, 1)


def _lots(classes: int, last: float, n: int, random: np.random.Generator) -> Ints:
    """Random decisions: the last class with the share `last`, the others equally often."""
    chances = [(1 - last) / (classes - 1)] * (classes - 1) + [last]
    return random.choice(classes, n, p=chances).astype(np.int64)
