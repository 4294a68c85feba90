"""Write a table of any length that resembles the example's, as a folder of Parquet parts.

A row's numbers and categories have the example's distributions and rank correlations (a Gaussian
copula; Nelsen, An Introduction to Copulas, 2006), so that hardly any row nearly repeats another
one. The target is drawn with the probability that a model of the example gives the row.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.ensemble import HistGradientBoostingClassifier

from sluice.config import Settings, load

_PART = 250_000  # rows
_TREES = 60
_STEPS = 1_001  # quantiles of each column


@dataclass(frozen=True)
class Source:
    """What the rows are drawn from.

    names: the names of the c columns, without the id and the target. quantiles: [c, steps] of each
    column. root: [c, c], by which independent normal numbers become correlated.
    """

    settings: Settings
    names: list[str]
    quantiles: NDArray[np.float64]
    root: NDArray[np.float64]
    model: HistGradientBoostingClassifier

    @classmethod
    def of(cls, project: Path) -> Source:
        """Read it from the table of a project whose columns are all numbers."""
        settings = load(project / "params.yaml")
        frame = pd.read_csv(project / settings.data.file)
        names = [n for n in frame if n not in (settings.data.id, settings.data.target)]
        shares = (frame[names].rank(method="first").to_numpy() - 0.5) / len(frame)
        root = np.linalg.cholesky(np.corrcoef(ndtri(shares).T))
        steps = np.linspace(0, 1, _STEPS)
        quantiles = np.quantile(frame[names].to_numpy(float), steps, axis=0, method="nearest").T
        model = HistGradientBoostingClassifier(max_iter=_TREES, random_state=0)
        inputs = frame[settings.features].to_numpy(float)
        model.fit(inputs, frame[settings.data.target] == settings.data.positive)
        return cls(settings, names, quantiles, root, model)

    def draw(self, part: int, rows: int) -> pd.DataFrame:
        """The rows of one part; the same number always gives the same rows."""
        random = np.random.default_rng([part, 1])
        normal = random.standard_normal((rows, len(self.names))) @ self.root.T
        place = ndtr(normal) * (_STEPS - 1)
        low = place.astype(np.intp)
        made = {}
        for k, name in enumerate(self.names):
            few = self.settings.columns[name].type == "category"
            share = np.round(place[:, k] - low[:, k]) if few else place[:, k] - low[:, k]
            edges, above = self.quantiles[k], np.minimum(low[:, k] + 1, _STEPS - 1)
            values = edges[low[:, k]] * (1 - share) + edges[above] * share
            made[name] = np.round(values).astype(np.int64)
        frame = pd.DataFrame(made)
        score = self.model.predict_proba(frame[self.settings.features].to_numpy(float))[:, 1]
        data = self.settings.data
        if data.id is not None:
            frame.insert(0, data.id, np.arange(1, rows + 1) + part * _PART)
        frame[data.target] = (random.random(rows) < score).astype(np.int64)
        return frame


def write(source: Source, folder: Path, rows: int) -> None:
    """Replace the folder's content with this many rows."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part, start in enumerate(range(0, rows, _PART)):
        frame = source.draw(part, min(_PART, rows - start))
        frame.to_parquet(folder / f"part-{part:05}.parquet", index=False)
