"""Whether the bounds of the performance gate would accept uninformative predictions.

These are the candidate's own predictions in random order, and the share of each class with random
decisions. If all bounds accept one of them, then passing the gate says nothing about a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sluice.config import Settings
from sluice.metrics import METRICS, Floats, Ints, Predictions
from sluice.verdict import Finding, Status

NAME = "performance/gates nothing"
# Random decisions may choose a class with any frequency.
_SHARES = (0.1, 0.5, 0.9)
_NUDGE = 1e-9


def findings(
    settings: Settings, outcome: Predictions, rivals: dict[str, Predictions]
) -> list[Finding]:
    """A finding if every bound admits a coin toss; none otherwise."""
    for what, tossed in _tosses(outcome, settings.seed):
        if _admitted(settings, tossed, rivals):
            why = (
                f"gates nothing: {what}, which do not depend on the rows, are within every bound "
                "of this gate: tighten performance.bounds or performance.over_baselines in "
                "params.yaml"
            )
            n = len(outcome.truth)
            return [Finding(NAME, Status.INSUFFICIENT, why, n=n)]
    return []


def _admitted(settings: Settings, tossed: Predictions, rivals: dict[str, Predictions]) -> bool:
    performance, chosen = settings.performance, METRICS[settings.selection.metric]
    for name, bound in performance.bounds.items():
        value = METRICS[name].compute(tossed)
        above = bound.low is None or value >= bound.low
        if not (above and (bound.high is None or value <= bound.high)):
            return False
    reached = chosen.compute(tossed)
    gains = [chosen.gain(reached, chosen.compute(rival)) for rival in rivals.values()]
    return all(gain >= performance.over_baselines for gain in gains)


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
