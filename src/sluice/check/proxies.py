"""How well the inputs of a model distinguish the groups of a sensitive column.

A strength is the largest ROC AUC of any group against the rest, on rows that were not used for
fitting: 0.5 reveals nothing about the groups, and 1 identifies one of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.check.groups import UNKNOWN, UNLISTED, Grouping, groupings
from sluice.config import Settings
from sluice.metrics import Floats

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_ROWS = 5_000
_GROUP_ROWS = 20  # groups with fewer rows are not distinguished from the rest
_LEAST_LEAF = 5


@dataclass(frozen=True)
class Proxy:
    """How well one input, or all inputs together if `column` is None, distinguishes groups.

    group: the one that is distinguished best.
    """

    sensitive: str
    column: str | None
    group: str
    strength: float


def proxies(frame: DataFrame, settings: Settings, inputs: list[str]) -> list[Proxy]:
    """Return the strongest input for each sensitive column and pair, and all inputs together.

    frame: a typed table. Sensitive columns that the model may use are left out.
    """
    found = []
    for grouping in _groupings(frame, settings):
        alone = [_alone(frame, grouping, name, settings) for name in inputs]
        known = [proxy for proxy in alone if math.isfinite(proxy.strength)]
        found += sorted(known, key=lambda proxy: -proxy.strength)[:1]
        if len(grouping.columns) == 1:
            found.append(_together(frame, grouping, inputs, settings))
    return [proxy for proxy in found if math.isfinite(proxy.strength)]


def copies(frame: DataFrame, settings: Settings) -> list[Proxy]:
    """Return every input that distinguishes groups of sensitive columns better than allowed."""
    found = [
        _alone(frame, grouping, name, settings)
        for grouping in _groupings(frame, settings)
        for name in settings.features
    ]
    return [proxy for proxy in found if proxy.strength > settings.explanation.proxy]


def _groupings(frame: DataFrame, settings: Settings) -> list[Grouping]:
    """Return the groups of each sensitive column, and of every two.

    A column may reveal who is in neither of two groups, but little about each group.
    """
    data = settings.data
    judged = data.comparing(data.sensitive.keys() - set(data.sensitive_inputs))
    made = groupings(frame, settings.model_copy(update={"data": judged}))
    return [each for each in made if len(each.columns) <= 2]


def _alone(frame: DataFrame, grouping: Grouping, column: str, settings: Settings) -> Proxy:
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=64, min_samples_leaf=_LEAST_LEAF, random_state=settings.seed
    )
    return _proxy(tree, frame[[column]], grouping, column, settings.seed)


def _together(frame: DataFrame, grouping: Grouping, inputs: list[str], settings: Settings) -> Proxy:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, early_stopping=False, random_state=settings.seed
    )
    return _proxy(trees, frame[inputs], grouping, None, settings.seed)


def _proxy(
    model: Any, inputs: DataFrame, grouping: Grouping, column: str | None, seed: int
) -> Proxy:
    """Fit the model on each half of the rows, and measure it on the other half."""
    chosen = np.random.default_rng(seed).permutation(len(grouping.codes))[:_ROWS]
    of = np.array(grouping.names, object)[grouping.codes[chosen]]
    sizes = {name: int((of == name).sum()) for name in grouping.names}
    unknown = {f"{grouping.title}={name}" for name in (UNKNOWN, UNLISTED)}
    names = [name for name, size in sizes.items() if size >= _GROUP_ROWS and name not in unknown]
    known = np.isin(of, names)
    rows, of = chosen[known], of[known]
    if len(names) < 2:
        return Proxy(grouping.title, column, "", math.nan)
    codes = np.column_stack([_codes(inputs[name]) for name in inputs])[rows]
    group = np.searchsorted(np.sort(np.array(names, str)), of.astype(str))
    scores = np.zeros((len(rows), len(names)))
    halves = np.arange(len(rows)) % 2 == 0
    for fitted, held in ((halves, ~halves), (~halves, halves)):
        model.fit(codes[fitted], group[fitted])
        scores[np.ix_(held, model.classes_)] = model.predict_proba(codes[held])
    areas = {name: _auc(group == k, scores[:, k]) for k, name in enumerate(sorted(names))}
    best = max(areas, key=lambda name: areas[name])
    return Proxy(grouping.title, column, best, areas[best])


def _codes(column: Series) -> Floats:
    """Return a column as numbers for a tree: categories are numbered in alphabetical order."""
    if column.dtype.kind != "f":
        return np.unique(column.to_numpy(str), return_inverse=True)[1].astype(np.float64)
    limit = float(np.finfo(np.float32).max)
    return np.clip(column.to_numpy(np.float64), -limit, limit)


def _auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores))
