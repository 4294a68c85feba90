"""Simulated traffic: holdout rows in a yearly and weekly rhythm, with drift and concept drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice import table
from sluice.errors import SluiceError
from sluice.metrics import Floats, Ints
from sluice.model import Model, Scores, Signature, Tensors
from sluice.project import Project

_SEASON, _WEEKEND = 0.3, 0.6  # changes of the number of rows, as shares
_TILT = 0.05  # seasonal shift of the inputs, in standard deviations


@dataclass(frozen=True)
class Script:
    """The days, counted from 0, on which something changes, and how much.

    rows: the number of rows on an average day. drift: the first and last day on which one input is
    higher. shift: by how many standard deviations of its ranks. concept: the day from which
    outcomes differ. noise: the share of rows whose outcome then differs. delay: the mean number of
    days until a label is known; half of it is fixed.
    """

    days: int = 364
    rows: int = 500
    drift: tuple[int, int] = (140, 196)
    shift: float = 0.5
    concept: int = 252
    noise: float = 0.35
    delay: float = 14.0
    seed: int = 1


@dataclass(frozen=True)
class Pool:
    """The pool that traffic is sampled from: the holdout with its scores and outcomes.

    ranks: [n] the standard normal scores of the input that drifts, whose name is `drifting`.
    """

    signature: Signature
    tensors: Tensors
    scores: Scores
    truth: Floats | Ints
    ranks: Floats
    drifting: str

    @classmethod
    def of(cls, project: Project, model: Model) -> Pool:
        """The holdout rows of the project. Raises SluiceError if they are missing."""
        settings = project.settings
        frame = table.read_split(project.split("holdout"))
        signature = model.signature
        names = [column.name for column in signature.inputs]
        tensors = table.tensors(frame, settings, names)
        logged = [c.name for c in signature.inputs if c.type == "number" and not c.sensitive]
        if not logged:
            raise SluiceError("the rehearsal needs a model with a numeric input that is logged")
        values = tensors.numbers[:, [signature.numbers.index(name) for name in logged]]
        distinct = [len(np.unique(column)) for column in values.T]
        at = int(np.argmax(distinct))
        return cls(
            signature,
            tensors,
            model.score(tensors),
            table.truth(frame, settings),
            _normal_ranks(values[:, at]),
            logged[at],
        )

    def __len__(self) -> int:
        return len(self.ranks)


def _normal_ranks(values: Floats) -> Floats:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    known = np.where(np.isnan(values), np.nanmedian(values), values)
    return ndtri((rankdata(known) - 0.5) / len(known))


def of_day(pool: Pool, script: Script, day: int) -> tuple[Ints, Floats | Ints]:
    """The positions of the day's rows in the pool, and their outcomes."""
    random = np.random.default_rng([script.seed, day])
    season = np.sin(2 * np.pi * day / 364)
    expected = script.rows * (1 + _SEASON * season) * (_WEEKEND if day % 7 >= 5 else 1.16)
    tilt = _TILT * season
    if script.drift[0] <= day < script.drift[1]:
        tilt += script.shift
    weights = np.exp(tilt * pool.ranks)
    rows = random.choice(len(pool), int(random.poisson(expected)), p=weights / weights.sum())
    truth = pool.truth[rows].copy()
    if day >= script.concept:
        other = random.random(len(rows)) < script.noise
        truth[other] = random.permutation(pool.truth)[: int(other.sum())]
    return rows, truth
