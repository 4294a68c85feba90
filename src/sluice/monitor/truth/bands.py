"""Bands of the score: they weight labelled rows so that they represent all scored rows.

Which rows get a label often depends on the decision, and so on the score. Within a band of similar
scores, the labelled rows represent all rows: each band is weighted by its number of scored rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice.sketch.reference import Reference
from sluice.stats import counted
from sluice.stats.counted import Floats, Scored

_FEWEST = 5  # labels of a band, in production and in the holdout


@dataclass(frozen=True)
class Bands:
    """Counts by the bins of the score, shape [b]; `labelled` and `holdout` are [2, b] by class.

    means: the mean score of each band. flagged: whether it is decided to be positive.
    """

    scored: Floats
    labelled: Floats
    holdout: Floats
    means: Floats
    flagged: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """The bands with enough labels both in production and in the holdout."""
        enough = self.labelled.sum(axis=0) >= _FEWEST
        return enough & (self.holdout.sum(axis=0) >= _FEWEST)

    @property
    def coverage(self) -> float:
        """The share of the scored rows that are in covered bands."""
        total = self.scored.sum()
        return float(self.scored[self.covered].sum() / total) if total else 0.0

    @property
    def weights(self) -> Floats:
        """The weight of a labelled row in each band, [b]; 0 in bands that are not covered."""
        rows = self.labelled.sum(axis=0)
        weights = np.zeros(len(rows))
        weights[self.covered] = (self.scored / np.maximum(rows, 1))[self.covered]
        return weights

    def promised(self, costs: tuple[float, float], *, everywhere: bool = False) -> dict[str, float]:
        """The metrics that rows with these scores would have with the holdout's shares of outcomes.

        everywhere: whether to include bands without labels; this is the estimate without any labels
        (confidence-based performance estimation), which cannot detect concept drift.
        """
        chosen = self.holdout.sum(axis=0) > 0 if everywhere else self.covered
        found = self._metrics(self.holdout[None], chosen, costs)
        return {name: float(values[0]) for name, values in found.items()}

    def changes(
        self, costs: tuple[float, float], *, resamples: int, seed: int
    ) -> tuple[dict[str, float], dict[str, Floats], dict[str, Floats]]:
        """The metrics of the labelled rows minus those expected from the holdout; the same for
        bootstrap samples; and the expectation from each sample of the holdout.

        Both sides are resampled, because the holdout's expectation is also an estimate.
        """
        random = np.random.default_rng(seed)
        chosen = self.covered
        both = [self.labelled[:, chosen], self.holdout[:, chosen]]
        drawn = [_resampled(random, counts, resamples) for counts in both]
        inner = Bands(
            self.scored[chosen], both[0], both[1], self.means[chosen], self.flagged[chosen]
        )
        every = np.ones(int(chosen.sum()), bool)
        now, promise = (inner._metrics(counts[None], every, costs) for counts in both)
        now_, promise_ = (inner._metrics(counts, every, costs) for counts in drawn)
        exact = {name: float(now[name][0] - promise[name][0]) for name in now}
        return exact, {name: now_[name] - promise_[name] for name in now}, promise_

    def _metrics(
        self, counts: Floats, chosen: np.ndarray, costs: tuple[float, float]
    ) -> dict[str, Floats]:
        """The metrics if every scored row had a label, with the class shares of its band.

        counts: [times, 2, b], the labelled rows of both classes in each band.
        """
        counts = counts[:, :, chosen]
        rows = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, rows, out=np.zeros_like(counts), where=rows > 0)
        order = np.argsort(self.means[chosen], kind="stable")
        weighted = (shares * self.scored[chosen])[:, :, order]
        groups = Scored(
            self.means[chosen][order],
            self.flagged[chosen][order],
            np.arange(len(order)),
            weighted[0],
        )
        return counted.metrics(groups, weighted, costs)


def _resampled(random: np.random.Generator, counts: Floats, times: int) -> Floats:
    """Bootstrap samples of the rows of each band, [times, 2, b]."""
    rows = counts.sum(axis=0)
    shares = np.divide(counts[1], rows, out=np.zeros_like(rows), where=rows > 0)
    positive = random.binomial(rows.astype(np.int64), shares, (times, len(rows))).astype(float)
    return np.stack([rows - positive, positive], axis=1)


def of_rows(
    reference: Reference, scored: np.ndarray, scores: Floats, truth: np.ndarray
) -> tuple[Bands, np.ndarray]:
    """The bands of a binary task, and the band of each labelled row.

    scored: [size] counts of all scored rows in the bins of the score.
    """
    bins = reference.scores[0].bins
    place = bins.of_numbers(scores)
    labelled = np.vstack([np.bincount(place[truth == k], minlength=bins.size) for k in (0, 1)])
    holdout = np.array(reference.outcomes, float).reshape(2, bins.size)
    rows = labelled.sum(axis=0)
    sums = np.bincount(place, scores, bins.size)
    means = np.divide(sums, rows, out=_middles(bins.edges, bins.size), where=rows > 0)
    flagged = np.zeros(bins.size, bool)
    if reference.threshold is not None:
        lower = np.array([-np.inf, *bins.edges, np.nan, np.nan])
        flagged = lower >= np.nextafter(reference.threshold, -np.inf)
    return Bands(scored.astype(float), labelled.astype(float), holdout, means, flagged), place


def _middles(edges: tuple[float, ...], size: int) -> Floats:
    """A score within each band, for bands without labels; all are probabilities."""
    ends = np.array([0.0, *edges, 1.0])
    return np.concatenate([(ends[:-1] + ends[1:]) / 2, np.full(size - len(ends) + 1, 0.5)])
