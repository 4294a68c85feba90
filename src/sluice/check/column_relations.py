"""Whether columns determine each other, or are computed or looked up from other columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice.check.agreement import Codes, Within, explained_by_products, together
from sluice.config import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

STATIC = 0.95  # agreement within a key, where 0 is chance and 1 means always
_COMPUTED = 0.9  # R squared of a number that counts as computed from others


@dataclass(frozen=True)
class Relations:
    """The relations between the columns of a typed table of n rows.

    codes: the values of each column as numbers from 0, shape [n]. A key is one to three columns.
    """

    codes: dict[str, Codes]
    frame: DataFrame
    settings: Settings
    _pairs: dict[tuple[str, str], float] = field(default_factory=dict)

    def kappa(self, one: str, other: str) -> float:
        """How far column `one` determines `other`, over all rows; computed once."""
        if (one, other) not in self._pairs:
            every = np.arange(len(self.frame))
            within = Within.of(self.codes[one], self.codes[other], every)
            self._pairs[one, other] = within.kappa
        return self._pairs[one, other]

    def follows(self, entity: Codes, name: str) -> bool:
        """Whether a column determines the key, so that the key only repeats it in other words."""
        return Within.of(self.codes[name], entity, np.arange(len(entity))).kappa > STATIC

    def independent(self, names: list[str]) -> list[str]:
        """The columns except those that another determines, as a city determines its country."""
        kept: list[str] = []
        for name in sorted(names, key=lambda n: -int(self.codes[n].max())):
            if all(self.kappa(k, name) < STATIC for k in kept):
                kept.append(name)
        return kept

    def is_measured(self, key: tuple[str, ...]) -> bool:
        """Whether a key is one number with decimals, which may repeat without identifying a
        customer.
        """
        if len(key) > 1 or self.settings.columns[key[0]].type != "number":
            return False
        known = self.frame[key[0]].dropna().to_numpy(np.float64)
        return bool((known != np.floor(known)).any())

    def is_implied(self, key: tuple[str, ...], name: str) -> bool:
        """Whether a column follows from one part of a joint key, or is computed from its numbers.

        An example is the years of schooling, computed from the age and the years of experience.
        """
        if len(key) == 1:
            return False
        if any(self.kappa(part, name) > STATIC for part in key):
            return True
        columns = self.settings.columns
        numbers = [n for n in key if columns[n].numeric and not self.frame[n].isna().any()]
        if not numbers or not columns[name].numeric or self.frame[name].isna().any():
            return False
        inputs, value = (self.frame[n].to_numpy(np.float64) for n in (numbers, name))
        return explained_by_products(inputs, value) > _COMPUTED

    def is_computed(self, key: tuple[str, ...], names: list[str]) -> bool:
        """Whether a key is a number that is computed from the columns that agree within it.

        An example is an instalment, which follows from the amount, the rate and the term of a loan:
        equal instalments do not identify one customer.
        """
        columns = self.settings.columns
        numbers = [n for n in names if columns[n].numeric and not self.frame[n].isna().any()]
        if len(key) > 1 or columns[key[0]].type != "number" or not numbers:
            return False
        first = self.frame.drop_duplicates(key[0]).dropna(subset=key[0])
        inputs, value = first[numbers].to_numpy(np.float64), first[key[0]].to_numpy(np.float64)
        return explained_by_products(inputs, value) > _COMPUTED

    def is_looked_up(self, key: tuple[str, ...], entity: Codes, names: list[str]) -> bool:
        """Whether a key is a measured number that only repeats what other columns say.

        One example is a price that follows from the place and the product, which agree among equal
        prices. Another one is the price of the chosen product in a table with the prices of all
        products. Neither of these prices identifies a customer.
        """
        if not self.is_measured(key):
            return False
        if len(names) == 2:
            both = together([self.codes[name] for name in names])
            if Within.of(both, entity, np.arange(len(entity))).kappa > STATIC:
                return True
        columns = self.settings.columns
        others = [n for n in self.codes if columns[n].type == "number" and n not in key]
        same = self.frame[others].eq(self.frame[key[0]], axis=0)
        return len(others) > 1 and float(same.any(axis=1).mean()) > STATIC

    def is_formula(self, names: list[str], values: NDArray[np.float64]) -> bool:
        """Whether the target is computed from numbers, such as an age from two years."""
        inputs = self.frame[names].to_numpy(np.float64)
        known = np.isfinite(inputs).all(axis=1)
        if len(names) < 2 or not known.any():
            return False
        return explained_by_products(inputs[known], values[known]) > _COMPUTED
