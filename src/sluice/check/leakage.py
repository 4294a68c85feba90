"""Columns that reveal the target: alone, in pairs or threes, by their missing values, or because
they are means of the target.

Such a column was usually derived from the target, or recorded after it. All strengths are those of
`sluice.check.strength`, except for the certainty of `sluice.stats.encoded` and `smoothed`, for
`sluice.stats.one_class`, and for columns that repeat what the target chose (`relations.chosen`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.check import relations
from sluice.check.combinations import MOST_COLUMNS, Combination, combine, completed
from sluice.check.strength import outcome_of, strength, strength_of_levels
from sluice.config import Settings
from sluice.labels import MISSING
from sluice.metrics import Floats, Ints
from sluice.stats import chosen, encoded, one_class
from sluice.stats.smoothed import smoothing

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_LEAST_ROWS = 20
_FEWEST_KEYS = 4
ROWS = 10_000  # drawn from a larger table
_MOST_MISSING = 40  # columns whose missing values are tried in pairs


@dataclass(frozen=True)
class Leak:
    """How much one or more columns reveal about the target.

    text: what was tried, such as "a + b". bound: the setting of `quality` that limits the strength;
    "pair", for the share of classes that two columns explain; or "encoded", "one_class" or
    "chosen", whose limits are constants. limited: says so if not all columns of a wide table were
    tried together. detail: which columns were repeated.
    """

    text: str
    columns: tuple[str, ...]
    strength: float
    bound: Literal[
        "leakage", "missing_leakage", "combined_leakage", "pair", "encoded", "one_class", "chosen"
    ]
    limited: str = ""
    detail: str = ""

    def limit(self, settings: Settings) -> float:
        """Return the largest strength that params.yaml allows."""
        quality = settings.quality
        return {
            "leakage": quality.leakage,
            "missing_leakage": quality.missing_leakage,
            "combined_leakage": quality.combined_leakage,
            "pair": quality.leakage_of_pairs,
            "encoded": encoded.LIMIT,
            "one_class": one_class.LIMIT,
            "chosen": chosen.LIMIT,
        }[self.bound]

    def exceeds(self, settings: Settings) -> bool:
        """Whether the strength is above its bound."""
        return self.strength > self.limit(settings)


def measure(frame: DataFrame, settings: Settings) -> list[Leak]:
    """Return the strength of every input, and the strongest combinations of inputs.

    frame: a typed table in which every row has a target. A column that exceeds the bound on its own
    is left out of the combinations, because it would make each of them strong. Such a column is
    combined with one other column at a time, because the other one may be a part of the target too.
    """
    order = np.random.default_rng(settings.seed).permutation(len(frame))[:ROWS]
    rows = frame.iloc[order].reset_index(drop=True)
    truth = table.truth(rows, settings)
    outcome = outcome_of(truth, len(settings.classes))
    names = [name for name in settings.features if name in rows]
    if len(rows) < _LEAST_ROWS:
        return [Leak(name, (name,), math.nan, "leakage") for name in names]
    missing = {name: found for name in names if (found := _is_missing(rows[name])).any()}
    alone = [_alone(rows[name], outcome) for name in names]
    telling = [
        _missing(name, (name,), found.astype(np.intp), outcome) for name, found in missing.items()
    ]
    alone += [leak for leak in telling if math.isfinite(leak.strength)]
    if settings.classes:
        alone += [
            leak
            for name, found in missing.items()
            if (leak := _one_class(name, ~found, outcome)).exceeds(settings)
        ]
        alone += [leak for leak in _chosen(rows, settings) if leak.exceeds(settings)]
    alone += [leak for leak in _encoded(frame, settings) if leak.exceeds(settings)]
    suspects = columns_in_excess(alone, settings)
    chosen_ones = {leak.text for leak in alone if leak.bound == "chosen"}
    pairs = _missing_pairs({n: m for n, m in missing.items() if n not in suspects}, outcome)
    every = [name for name in names if settings.columns[name].numeric]
    numbers = [name for name in every if name not in suspects]
    limited = _limited("strongest", MOST_COLUMNS, len(numbers))
    classes = len(settings.classes)
    strengths = {leak.text: leak.strength for leak in alone if leak.bound == "leakage"}
    combined = combine(rows[numbers], truth, classes)
    together = [_together(found, limited) for found in combined]
    parts = [
        _together(found)
        for name in every
        if name in suspects - chosen_ones
        for found in completed(
            rows[[name, *numbers]],
            name,
            truth,
            classes,
            alone=strengths[name],
            least=settings.quality.combined_leakage,
        )
    ]
    categories = _with_categories(rows, suspects, settings)
    limited = _limited("with the fewest values", relations.MOST_KEYS, len(names))
    together += [_together(found, limited) for found in categories]
    strongest = _strongest(together, settings)
    known = suspects | columns_in_excess(strongest, settings)
    shares = [_pair(found) for found in (*combined, *categories) if classes]
    shares = [leak for leak in _strongest(shares, settings) if leak.exceeds(settings)]
    shares = [leak for leak in shares if not known & set(leak.columns)]
    return [*alone, *parts, *_strongest(pairs, settings), *strongest, *shares]


def _together(found: Combination, limited: str = "") -> Leak:
    return Leak(found.text, found.columns, found.strength, "combined_leakage", limited)


def _pair(found: Combination) -> Leak:
    """Return the same, on the scale of a single column of a table with classes."""
    return Leak(found.text, found.columns, found.share, "pair")


def columns_in_excess(leaks: Iterable[Leak], settings: Settings) -> set[str]:
    """Return the columns of all leaks that exceed their bound."""
    return {name for leak in leaks if leak.exceeds(settings) for name in leak.columns}


def _alone(column: Series, outcome: Floats) -> Leak:
    name = str(column.name)
    return Leak(name, (name,), strength(column, outcome), "leakage")


def _encoded(frame: DataFrame, settings: Settings) -> list[Leak]:
    """Return how surely each column of numbers contains means of the target, in all rows."""
    truth, classes = table.truth(frame, settings), len(settings.classes)
    outcomes = outcome_of(truth, classes) if classes else truth.astype(np.float64)[:, None]
    names = [n for n in settings.features if n in frame and settings.columns[n].numeric]
    keys = _keys(frame, settings)
    found = []
    for name in names:
        others = [key for other, key in keys.items() if other != name]
        certain = (
            encoded.encoding(frame[name], outcomes, shares=classes > 0),
            smoothing(frame[name], outcomes, others, shares=classes > 0),
        )
        found.append(Leak(name, (name,), float(np.nanmax(certain)), "encoded"))
    return found


def _keys(frame: DataFrame, settings: Settings) -> dict[str, Ints]:
    """Return, as codes, the columns with repeated values; the means may have been computed by one
    of them.
    """
    codes = {
        name: frame[name].factorize(use_na_sentinel=False)[0]
        for name in settings.features
        if name in frame
    }
    return {n: key for n, key in codes.items() if _FEWEST_KEYS <= key.max() < len(frame) / 2}


def _chosen(rows: DataFrame, settings: Settings) -> list[Leak]:
    names = [name for name in settings.features if name in rows]
    truth = table.truth(rows, settings).astype(np.intp)
    found = []
    for each in relations.chosen(rows, names, truth, len(settings.classes)):
        sources = zip(settings.classes, each.sources, strict=True)
        detail = ", ".join(f"that of {source!r} for {known!r}" for known, source in sources)
        found.append(Leak(each.column, (each.column,), each.certainty, "chosen", detail=detail))
    return found


def _with_categories(rows: DataFrame, suspects: set[str], settings: Settings) -> list[Combination]:
    """Return how much two categories, or numbers among the rows of a category, reveal."""
    names = [name for name in settings.features if name in rows and name not in suspects]
    truth, classes = table.truth(rows, settings), len(settings.classes)
    keys = relations.keys_of(rows, names)
    numbers = rows[[name for name in names if settings.columns[name].numeric]]
    found = relations.two_categories(keys, outcome_of(truth, classes))
    return found + relations.within_categories(
        numbers, keys, truth, classes, least=settings.quality.combined_leakage
    )


def _one_class(name: str, known: NDArray[np.bool_], outcome: Floats) -> Leak:
    return Leak(name, (name,), one_class.of_one_class(known, outcome), "one_class")


def _missing(text: str, columns: tuple[str, ...], levels: Ints, outcome: Floats) -> Leak:
    return Leak(text, columns, strength_of_levels(levels, outcome), "missing_leakage")


def _is_missing(column: Series) -> NDArray[np.bool_]:
    found = column.isna() if column.dtype.kind == "f" else column == MISSING
    return found.to_numpy()


def _missing_pairs(missing: dict[str, NDArray[np.bool_]], outcome: Floats) -> list[Leak]:
    """Return how much the missing values of two columns together reveal."""
    most = sorted(missing, key=lambda name: -missing[name].mean())[:_MOST_MISSING]
    limited = _limited("most often missing", _MOST_MISSING, len(missing))
    return [
        replace(
            _missing(
                f"{one} and {other}",
                (one, other),
                2 * missing[one].astype(np.intp) + missing[other],
                outcome,
            ),
            limited=limited,
        )
        for one, other in combinations(sorted(most), 2)
    ]


def _limited(which: str, most: int, columns: int) -> str:
    if columns <= most:
        return ""
    return f"only the {most} {which} of {columns} such columns were tried together"


def _strongest(leaks: list[Leak], settings: Settings) -> list[Leak]:
    """Return the leaks that exceed their bound and share no column, or else the strongest."""
    ranked = sorted(
        (leak for leak in leaks if math.isfinite(leak.strength)), key=lambda leak: -leak.strength
    )
    found: list[Leak] = []
    for leak in ranked:
        if leak.exceeds(settings) and not columns_in_excess(found, settings) & set(leak.columns):
            found.append(leak)
    return found or ranked[:1]
