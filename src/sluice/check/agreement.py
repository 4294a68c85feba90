"""How much the rows of one key agree, and how well numbers explain another number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

_ROWS = 10_000


@dataclass(frozen=True)
class Within:
    """How often two rows of one key agree in a column, and how often two rows of the table do.

    repeats, expected: the agreeing pairs within keys, observed and expected by chance.
    """

    agreement: float
    common: float
    repeats: float
    expected: float

    @property
    def kappa(self) -> float:
        """The agreement beyond chance (Cohen, 1960)."""
        return (self.agreement - self.common) / (1 - self.common) if self.common < 1 else 0.0

    @classmethod
    def of(cls, entity: Codes, values: Codes, rows: NDArray[np.intp]) -> Within:
        """Compare within the keys `entity` [n] the values [n] of a column, in the rows with these
        numbers.
        """
        by_chance = common(values)
        _, group, size = np.unique(entity[rows], return_inverse=True, return_counts=True)
        both = group * (int(values.max()) + 1) + values[rows]
        _, pair, alike = np.unique(both, return_inverse=True, return_counts=True)
        others, same = size[group] - 1, alike[pair] - 1
        shared = others > 0
        agreement = float((same[shared] / others[shared]).mean()) if shared.any() else 0.0
        return cls(agreement, by_chance, float(same.sum()), float(others.sum() * by_chance))


def common(values: Codes) -> float:
    """The share of pairs of rows that agree, at least that of one pair."""
    counts, n = np.bincount(values).astype(np.float64), len(values)
    return float(max(2.0, (counts * (counts - 1)).sum()) / (n * (n - 1)))


def together(codes: list[Codes]) -> Codes:
    """The number of each combination of values, shape [n]."""
    entity = codes[0]
    for other in codes[1:]:
        _, entity = np.unique(entity * (int(other.max()) + 1) + other, return_inverse=True)
    return entity


def some_keys(entity: Codes, size: NDArray[np.int64]) -> NDArray[np.intp]:
    """All rows of so many keys that there are about 10,000 rows."""
    order = np.random.default_rng(0).permutation(len(size))
    taken = np.cumsum(size[order]) <= max(_ROWS, size[order[0]])
    return np.flatnonzero(np.isin(entity, order[taken]))


def share_explained(values: NDArray[np.float64], entity: Codes) -> float:
    """The share of a number's variance between keys (adjusted R squared)."""
    count = np.bincount(entity)
    means = np.bincount(entity, values) / count
    inner = ((values - means[entity]) ** 2).sum() / max(1, len(values) - len(count))
    spread = values.var()
    return float(1 - inner / spread) if spread else 0.0


def explained_by_products(inputs: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """R squared of [n] values predicted from [n, k] inputs, their squares and products, on other
    rows.
    """
    spread = inputs.std(axis=0)
    scaled = (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1)
    one, two = np.triu_indices(scaled.shape[1])
    terms = np.column_stack([np.ones(len(values)), scaled, scaled[:, one] * scaled[:, two]])
    fitted = np.random.default_rng(0).permutation(len(values)) % 2 == 0
    if fitted.sum() < 5 * terms.shape[1] or not values[~fitted].var():
        return 0.0
    weights = np.linalg.lstsq(terms[fitted], values[fitted], rcond=None)[0]
    error = ((values[~fitted] - terms[~fitted] @ weights) ** 2).mean()
    return float(1 - error / values[~fitted].var())


def by_neighbours(key: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """How well the means of the next smaller and next larger key predict the mean of a key."""
    _, place, count = np.unique(key, return_inverse=True, return_counts=True)
    means = np.bincount(place, values) / count
    left, inner, right = means[:-2], means[1:-1], means[2:]
    if len(inner) < 2 or not inner.var():
        return 0.0
    return float(np.corrcoef((left + right) / 2, inner)[0, 1])
