"""Signs that several rows belong to one customer, patient or household.

If such rows are on both sides of the split, a model only needs to recognise the customer. A key is
one to three columns whose equal values may mark such rows. A key is suspected for one of three
reasons, each with more agreement among the rows of a key than chance explains:
- two other columns hardly differ within a key, although they determine neither the key nor each
  other;
- another column, such as the month, hardly ever repeats within a key, though it does elsewhere;
- the target hardly differs within a key, and neighbouring keys do not predict it.

A number that is measured, looked up or computed from other columns does not identify a customer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice import dates, table
from sluice.check.agreement import (
    Codes,
    Within,
    by_neighbours,
    common,
    share_explained,
    some_keys,
    together,
)
from sluice.check.column_relations import STATIC, Relations
from sluice.check.strength import outcome_of, strength
from sluice.config import Settings
from sluice.labels import MISSING
from sluice.verdict import Bound, Finding, Status

if TYPE_CHECKING:
    from pandas import DataFrame

_FEWEST_KEYS, _FEWEST_IN_TARGET = 10, 20
_LARGEST_ENTITY = 0.3  # share of the rows that have the same key
_LEAST_REPEATED = 0.5  # share of rows that share their key with another row
_LEAST_REPEATED_MEASUREMENT = 0.9  # the same for a number with decimals
_MOST_COMMON = 0.9  # a column in which pairs of rows agree more often than this is not informative
# The number of repeats that chance must predict, and the share of it that counts as few.
_EXPECTED, _SELDOM = 20, 0.02
_SAME_TARGET = 0.9
_YEARS = (1800, 2100)
_MOST_MISSING = 0.1  # share of rows without a value of the key
_BEYOND_CHANCE = 5  # times as many pairs as there would be if the columns were independent
_MOST_KEYS, _JOINED, _MANY_VALUES = 25, 7, 30


@dataclass(frozen=True)
class Entities:
    """The columns whose equal values seem to identify rows of one entity, and why.

    strength: how strong the reason is; keys are compared by it.
    """

    columns: tuple[str, ...]
    count: int
    reason: str
    strength: int

    def __str__(self) -> str:
        return " and ".join(map(repr, self.columns))


def findings(frame: DataFrame, settings: Settings) -> list[Finding]:
    """A finding if rows seem to belong together and split.group is not set yet."""
    return found_as(suspected(frame, settings), len(frame), settings)


def found_as(found: Entities | None, rows: int, settings: Settings) -> list[Finding]:
    """The finding on suspected entities in a table with this many rows; none without them."""
    if found is None:
        return []
    column = "a column that names the entity"
    if len(found.columns) == 1:
        (name,) = found.columns
        # A column of groups must have a value in every row.
        known = f" (and columns.{name}.missing to 0)" if settings.columns[name].missing else ""
        column = f"{name!r}{known}"
    why = (
        f"rows with the same {found} seem to belong to one entity, such as a customer: "
        f"{found.reason}; set split.group in params.yaml to {column}, or to 'none' if the rows are "
        "independent, commit it, and run 'sluice adopt --again', because the bounds change with it"
    )
    bound = Bound("params.yaml: split.group")
    return [
        Finding("data-quality/repeated entities", Status.INSUFFICIENT, why, n=rows, bound=bound)
    ]


def suspected(frame: DataFrame, settings: Settings) -> Entities | None:
    """The most likely key of entities; None if none is suspected, or if split.group is set.

    frame: a typed table. Rows that are equal in every column count once here, because the bound on
    duplicated rows judges them.
    """
    if settings.split.group is not None:
        return None
    values = Table.of(frame, settings)
    for keys in (values.single_keys(), values.joined_keys()):
        found = [entities for key in keys if (entities := values.judge(key)) is not None]
        if found:
            return max(found, key=values.likelihood)
    return None


@dataclass(frozen=True)
class Table:
    """The rows in which entities are searched.

    codes: the values of each column as numbers from 0, shape [n], without repeated rows; every: the
    same for all rows.
    """

    codes: dict[str, Codes]
    every: dict[str, Codes]
    frame: DataFrame
    settings: Settings

    @classmethod
    def of(cls, frame: DataFrame, settings: Settings) -> Table:
        """The rows of a typed table."""
        import pandas as pd

        names = [name for name in settings.columns if name in frame and name != settings.data.id]
        every = {name: pd.factorize(frame[name], use_na_sentinel=False)[0] for name in names}
        first = ~frame.duplicated(names).to_numpy()
        codes = {name: column[first] for name, column in every.items()}
        return cls(codes, every, frame[first], settings)

    @cached_property
    def relations(self) -> Relations:
        """The relations between the columns, of which each is computed once."""
        return Relations(self.codes, self.frame, self.settings)

    def single_keys(self) -> list[tuple[str, ...]]:
        """The columns that may identify an entity on their own; those with most values first."""
        sizes = {name: int(codes.max()) + 1 for name, codes in self.codes.items()}
        usable = [n for n, size in sizes.items() if _FEWEST_KEYS <= size <= len(self.frame) / 1.5]
        usable = [n for n in usable if n != self.settings.data.target and self._is_known(n)]
        return [(name,) for name in sorted(usable, key=lambda n: -sizes[n])[:_MOST_KEYS]]

    def _is_known(self, name: str) -> bool:
        column = self.frame[name]
        return float((column.isna() | (column == MISSING)).mean()) < _MOST_MISSING

    def joined_keys(self) -> Iterator[tuple[str, ...]]:
        """Two or three columns that agree jointly much more often than chance explains."""
        singles = [name for (name,) in self.single_keys()]
        sizes = {name: int(codes.max()) + 1 for name, codes in self.codes.items()}
        known = self.settings.columns
        others = [n for n in self.codes if n != self.settings.data.target and sizes[n] > 1]
        others = [name for name in others if known[name].type != "number"]
        some = sorted(others, key=lambda n: (n not in singles, -sizes[n]))[:_JOINED]
        for size in (2, 3):
            for key in combinations(some, size):
                many = any(name in singles and sizes[name] >= _MANY_VALUES for name in key)
                if many and self._agree_together(key):
                    yield key

    def _agree_together(self, key: tuple[str, ...]) -> bool:
        """Whether the columns of a key agree jointly, although none of them determines another."""
        parts = [self.codes[name] for name in key]
        by_chance = float(np.prod([common(codes) for codes in parts]))
        if common(together(parts)) < _BEYOND_CHANCE * by_chance:
            return False
        return all(self.relations.kappa(one, two) < STATIC for one, two in permutations(key, 2))

    def judge(self, key: tuple[str, ...]) -> Entities | None:
        """Why rows with the same key may be of one entity; None if there is no sign of it."""
        relations = self.relations
        entity = together([self.codes[name] for name in key])
        size = np.bincount(entity)
        usual = len(size) >= _FEWEST_KEYS and size.max() < _LARGEST_ENTITY * size.sum()
        least = _LEAST_REPEATED_MEASUREMENT if relations.is_measured(key) else _LEAST_REPEATED
        if not usual or float((size[entity] > 1).mean()) < least:
            return None
        chosen = some_keys(entity, size)
        within = {n: Within.of(entity, c, chosen) for n, c in self.codes.items() if n not in key}
        static = [n for n, w in within.items() if w.common < _MOST_COMMON and w.kappa > STATIC]
        static = [n for n in static if not relations.follows(entity, n)]
        static = [n for n in static if not relations.is_implied(key, n)]
        static = [] if relations.is_computed(key, static) else relations.independent(static)
        static = [] if relations.is_looked_up(key, entity, static) else static
        if len(static) > 1:
            same = ", ".join(map(repr, static[:4]))
            why = f"{self._repeated(entity)}, and mostly agree in {same} too"
            return Entities(key, len(size), why, 3)
        if (name := self._counter(key)) is not None:
            if len(key) == 1 and self._is_time(key[0]) and self._may_repeat(name):
                # For example, a country is an entity: the rows of one year are of different
                # countries.
                key, name, entity = (name,), key[0], self.codes[name]
            why = f"{self._repeated(entity)}, and {name!r} hardly ever repeats among these"
            return Entities(key, int(entity.max()) + 1, why, 2)
        if len(size) >= _FEWEST_IN_TARGET and self._tells_target(key, entity, chosen):
            target = self.settings.data.target
            why = f"{self._repeated(entity)}, and mostly have the same {target!r}"
            return Entities(key, len(size), why, 1)
        return None

    def _repeated(self, entity: Codes) -> str:
        size = np.bincount(entity)
        share = float((size[entity] > 1).mean())
        return f"{share:.0%} of the rows share one of its {len(size):,} values with others"

    def _is_time(self, name: str) -> bool:
        """Whether a column has dates or years."""
        column = self.frame[name]
        if column.dtype.kind == "f":
            return bool(column.between(*_YEARS).all())
        return dates.read(column) is not None

    def _may_repeat(self, name: str) -> bool:
        number = self.settings.columns[name].type == "number"
        return not number and name != self.settings.data.target and not self._is_time(name)

    def _counter(self, key: tuple[str, ...]) -> str | None:
        """A column that hardly ever repeats within a key, although it would by chance."""
        entity = together([self.every[name] for name in key])
        chosen = some_keys(entity, np.bincount(entity))
        columns = self.settings.columns
        others = [name for name in self.every if name not in key]
        for name in sorted(others, key=lambda n: columns[n].type == "number"):
            within = Within.of(entity, self.every[name], chosen)
            if within.expected > _EXPECTED and within.repeats < _SELDOM * within.expected:
                return name
        return None

    def likelihood(self, found: Entities) -> tuple[object, ...]:
        """Prefer a stronger reason, then texts and whole numbers, then the most values."""
        number = any(self.settings.columns[name].type == "number" for name in found.columns)
        date = any(dates.read(self.frame[name]) is not None for name in found.columns)
        return found.strength, not (number or date), found.count, -len(found.columns)

    def _same_target(self, entity: Codes, chosen: NDArray[np.intp]) -> float:
        target = self.settings.data.target
        if self.settings.task == "regression":
            return share_explained(self.frame[target].to_numpy(np.float64), entity)
        return Within.of(entity, self.codes[target], chosen).kappa

    def _tells_target(self, key: tuple[str, ...], entity: Codes, chosen: NDArray[np.intp]) -> bool:
        """Whether rows of one key share the target, without the key being a leak of the target."""
        same, target = self._same_target(entity, chosen), self.settings.data.target
        if same < _SAME_TARGET or self.relations.follows(entity, target):
            return False
        numbers = [name for name in key if self.settings.columns[name].numeric]
        values = self._target_as_numbers()
        if len(key) > 1:
            # If a part of the key alone determines the target, it is a leak and not a customer.
            parts = [self._same_target(self.codes[name], chosen) for name in key]
            named = max(parts) < _SAME_TARGET and len(numbers) < len(key)
            return named and not self.relations.is_formula(numbers, values)
        if not numbers:
            return True
        if self.relations.is_measured(key) and self._is_leak(key[0]):
            return False
        return by_neighbours(self.frame[key[0]].to_numpy(np.float64), values) < same / 2

    def _target_as_numbers(self) -> NDArray[np.float64]:
        import pandas as pd

        target = self.settings.data.target
        numbers = pd.to_numeric(self.frame[target], errors="coerce")
        return np.asarray(self.codes[target] if numbers.isna().any() else numbers, np.float64)

    def _is_leak(self, name: str) -> bool:
        """Whether a column exceeds the bound on leaks, which then has a finding of its own."""
        truth = table.truth(self.frame, self.settings)
        outcome = outcome_of(truth, len(self.settings.classes))
        return strength(self.frame[name], outcome) > self.settings.quality.leakage
