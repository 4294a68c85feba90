"""Columns that determine the target within a category, or that repeat what the target chose.

Examples are the rank of a price within its city, two categories that give away the class only
together, and the price of the chosen product beside the prices of all products.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.check.agreement import together
from sluice.check.combinations import Combination
from sluice.check.strength import strength_of_levels
from sluice.labels import MISSING
from sluice.metrics import Floats, Ints
from sluice.stats.chosen import repeated

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_KEYS = 40
_SCREENED_ROWS = 2_000
_LEAST_IN_KEY, _LEAST_ROWS = 5, 50
_MOST_VALUES = 50  # a number with more values is not a category
_SAMPLING = 0.02  # how much less a pair may explain of the screened rows
_MOST_COMPARED = 150
_FEWEST_NUMBERS, _FEWEST_TEXTS = 10, 3  # columns with fewer values often agree by chance


def keys_of(frame: DataFrame, names: Sequence[str]) -> dict[str, Ints]:
    """Return the columns with few values for their rows as codes, those with the fewest first."""
    found = {name: frame[name].factorize(use_na_sentinel=False)[0] for name in names}
    sizes = {name: int(codes.max()) + 1 for name, codes in found.items()}
    few = {
        name: size
        for name, size in sizes.items()
        if 1 < size <= len(frame) / _LEAST_IN_KEY
        and (frame[name].dtype.kind != "f" or size <= _MOST_VALUES)
    }
    return {name: found[name] for name in sorted(few, key=lambda name: few[name])[:MOST_KEYS]}


def two_categories(keys: Mapping[str, Ints], outcome: Floats) -> list[Combination]:
    """Return how much of the target the values of two columns explain together.

    keys: as `keys_of` returns them. outcome: [n, classes] or [n, 1], see `sluice.check.strength`.
    """
    found = []
    for one, other in combinations(sorted(keys), 2):
        told = strength_of_levels(together([keys[one], keys[other]]), outcome)
        found.append(Combination((one, other), f"{one} with {other}", told, told))
    return found


def within_categories(
    numbers: DataFrame, keys: Mapping[str, Ints], truth: np.ndarray, classes: int, *, least: float
) -> list[Combination]:
    """Return the numbers that are stronger than `least` among the rows of one category.

    The strength is a squared rank association with the target, as in `combine`, of ranks among the
    rows with the same key. So it does not matter how the keys differ from each other. Only the
    number is named, because the key of such a number is usually an ordinary input.
    """
    found = []
    some = slice(_SCREENED_ROWS)
    for name in numbers:
        values = numbers[name].to_numpy(np.float64)
        for key, codes in keys.items():
            if key == name:
                continue
            screened = _within(values[some], codes[some], truth[some], classes)
            if not screened > least - _SAMPLING:
                continue
            strength = _within(values, codes, truth, classes)
            if strength > least:
                found.append(Combination((str(name),), f"{name} within {key}", strength))
    return found


def _within(values: Floats, key: Ints, truth: np.ndarray, classes: int) -> float:
    usable = np.isfinite(values)
    usable &= np.bincount(key, usable)[key] >= _LEAST_IN_KEY
    if usable.sum() < max(_LEAST_ROWS, len(values) / 2):
        return float("nan")
    key, truth = key[usable], truth[usable].astype(np.float64)
    ranks = _ranks(values[usable], key)
    if classes:  # classes are ordered as the values among the rows of a key order them
        number = truth.astype(np.intp)
        rows = np.bincount(number, minlength=classes)
        mean = np.bincount(number, ranks, classes) / np.maximum(rows, 1)
        truth = np.argsort(np.argsort(mean))[number].astype(np.float64)
    target = _ranks(truth, key)
    spread = float((target**2).sum())
    if not classes:
        spread = float(np.sqrt(spread * (ranks**2).sum()))
    return float((ranks @ target / spread) ** 2) if spread > 0 else float("nan")


def _ranks(values: Floats, key: Ints) -> Floats:
    """Return the rank of each row among those with the same key, minus the mean rank."""
    from scipy.stats import rankdata

    ranks = rankdata(key * (len(values) + 1.0) + rankdata(values))
    count = np.bincount(key)
    return np.asarray(ranks - (np.bincount(key, ranks) / np.maximum(count, 1))[key])


@dataclass(frozen=True)
class Chosen:
    """A column that repeats another one; sources: which one, for each class."""

    column: str
    sources: tuple[str, ...]
    certainty: float


def chosen(frame: DataFrame, names: Sequence[str], truth: Ints, classes: int) -> Iterator[Chosen]:
    """Yield the columns that may repeat the column which the class names.

    frame: rows of a typed table. certainty: that of `sluice.stats.chosen`.
    """
    for compared in _comparable(frame, names):
        known = list(compared)
        for place, sources, certainty in repeated(
            np.array(list(compared.values())), truth, classes
        ):
            yield Chosen(known[place], tuple(known[k] for k in sources), certainty)


def _comparable(frame: DataFrame, names: Sequence[str]) -> list[dict[str, NDArray[np.int64]]]:
    """Return the numbers and the categories, each as codes; -1 marks a missing value."""
    import pandas as pd

    groups = []
    for numeric, fewest in ((True, _FEWEST_NUMBERS), (False, _FEWEST_TEXTS)):
        kind = [name for name in names if (frame[name].dtype.kind == "f") is numeric]
        kind = [name for name in kind if frame[name].nunique() >= fewest][:_MOST_COMPARED]
        if len(kind) < 2:
            continue
        table = frame[kind].astype(np.float32) if numeric else frame[kind].replace({MISSING: None})
        codes = pd.factorize(table.to_numpy().ravel())[0].reshape(len(frame), len(kind))
        groups.append({name: codes[:, place] for place, name in enumerate(kind)})
    return groups
