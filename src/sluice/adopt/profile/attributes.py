"""Sensitive yes/no columns that together form one attribute, such as `black` and `hispanic`.

Each row has yes in at most one of them. Columns that are rarely yes can look like that by chance,
so they are only joined if chance would have given several rows a second yes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.adopt.profile.values import as_scalar, known_labels
from sluice.config import Groups, Scalar

if TYPE_CHECKING:
    from pandas import DataFrame

# The labels that mean yes, and those that mean no.
_YES = {"1": "0", "true": "false", "yes": "no", "y": "n", "t": "f"}
# If this many rows with two of them are expected, fewer than 1 of 100 tables have none by chance.
_EXPECTED = 5

Attributes = dict[str, dict[str, Scalar]]


def joined(frame: DataFrame, sensitive: Mapping[str, Groups]) -> Attributes:
    """Return the attributes that several sensitive columns form, by name; empty if none do.

    frame: a table in which words for missing values are missing.
    """
    said = {name: _yes(frame, name) for name, groups in sensitive.items() if groups == Groups()}
    yes = {name: label for name, label in said.items() if label is not None}
    rows = {name: (table.labels(frame[name]) == label).to_numpy() for name, label in yes.items()}
    made: list[list[str]] = []
    for name, here in rows.items():
        fitting = (group for group in made if _excludes(here, [rows[n] for n in group]))
        group = next(fitting, None)
        if group is None:
            made.append([name])
        else:
            group.append(name)
    return {
        " or ".join(group): {name: as_scalar(yes[name]) for name in group}
        for group in made
        if len(group) > 1
    }


def _yes(frame: DataFrame, name: str) -> str | None:
    """Return the label that means yes in a column of two labels; None for any other column."""
    labels = set(known_labels(frame[name]))
    for label in labels:
        if len(labels) == 2 and (labels - {label}) == {_matching(label)}:
            return label
    return None


def _matching(yes: str) -> str | None:
    """Return the label for "no" that matches a label for "yes", in the same case."""
    no = _YES.get(yes.lower())
    if no is None or yes.islower() or yes.isdigit():
        return no
    return no.upper() if yes.isupper() else no.capitalize()


def _excludes(rows: NDArray[np.bool_], others: Collection[NDArray[np.bool_]]) -> bool:
    """Whether no row has yes in this column and in another one, although some would by chance."""
    together = sum(int((rows & other).sum()) for other in others)
    by_chance = math.fsum(float(rows.sum()) * float(other.mean()) for other in others)
    return not together and by_chance >= _EXPECTED
