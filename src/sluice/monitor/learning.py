"""The gain from more rows: a learning curve, fitted on parts of the training rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sluice import table
from sluice.config.data import Segments
from sluice.confined.run import run as run_confined
from sluice.decision import decided
from sluice.files import read_json
from sluice.metrics import METRICS, Floats
from sluice.model import Decision
from sluice.project import Project
from sluice.train.segments import large_enough

if TYPE_CHECKING:
    from pandas import DataFrame

_SIZES = (500, 1_000, 2_000, 4_000, 8_000)
# Of the rows of some segments: fitting those of all segments would take too long.
_SEGMENTS, _SHARES = 40, (0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1)
_POWERS = np.linspace(0.2, 1.5, 27)


class Curve(msgspec.Struct, frozen=True):
    """limit - scale * rows**(-power), the expected value of a metric; for a loss, scale < 0."""

    limit: float
    scale: float
    power: float

    def at(self, rows: float) -> float:
        """The expected value of the metric after training on this many rows."""
        return self.limit - self.scale * float(rows) ** -self.power


def of_curve(rows: Floats, values: Floats) -> Curve:
    """The least-squares curve through the values of a metric (inverse power law; Figueroa et
    al., BMC Medical Informatics and Decision Making, 2012, doi:10.1186/1472-6947-12-8)."""
    best, error = Curve(float(values[-1]), 0.0, 1.0), np.inf
    for power in _POWERS:
        design = np.column_stack([np.ones(len(rows)), -(rows**-power)])
        found, *_ = np.linalg.lstsq(design, values, rcond=None)
        squares = float(((design @ found - values) ** 2).sum())
        if squares < error:
            best, error = Curve(float(found[0]), float(found[1]), float(power)), squares
    return best


def expected_gain(project: Project, more: int) -> float | None:
    """The gain in the selection's metric if `more` rows are added to the training rows.

    The chosen candidate is trained on parts of the training rows and measured on the validation
    rows; for models of segments, these are the rows of some segments. None if there are too few
    rows for a curve, or the splits are not available.
    """
    if not project.split("train").exists() or not project.selection.exists():
        return None
    settings = project.settings
    train, validation = (table.read_split(project.split(p)) for p in ("train", "validation"))
    every, sizes = len(train), list(_SIZES)
    segments = settings.data.segments
    if segments is not None:
        train, validation = _of_some(train, validation, segments, settings.seed)
        sizes = [round(len(train) * share) for share in _SHARES]
    sizes = [size for size in sizes if _SIZES[0] <= size <= len(train)]
    if len(sizes) < 3:
        return None
    selection = read_json(project.selection)
    chosen = selection["chosen"]
    rule = msgspec.convert(selection["candidates"][chosen]["decision"], Decision)

    def give(folder: Path) -> None:
        shutil.copyfile(project.root / "params.yaml", folder / "params.yaml")
        train.to_parquet(folder / "train.parquet", index=False)
        shutil.copyfile(project.candidate(chosen) / "parameters.json", folder / "parameters.json")
        validation[settings.features].to_parquet(folder / "validation.parquet", index=False)

    truth = table.truth(validation, settings)
    metric = METRICS[settings.selection.metric]
    model = settings.candidates[chosen].model
    with run_confined(project.root, "learning", model, *map(str, sizes), give=give) as results:
        scores = [results.array(f"{size}.npy", len(validation)) for size in sizes]
    values = [metric.compute(decided(settings, truth, each, rule)) for each in scores]
    curve = of_curve(np.array(sizes, float), np.array(values))
    later = len(train) * (1 + more / every)
    return metric.gain(curve.at(later), curve.at(len(train)))


def _of_some(
    train: DataFrame, validation: DataFrame, segments: Segments, seed: int
) -> tuple[DataFrame, DataFrame]:
    """The rows of some segments, chosen at random; each has enough rows for its own model."""
    names = sorted(set(large_enough(train, segments)) & set(validation[segments.column]))
    order = np.random.default_rng(seed).permutation(len(names))
    some = [names[at] for at in order[:_SEGMENTS]]
    chosen = [part[part[segments.column].isin(some)] for part in (train, validation)]
    return chosen[0], chosen[1]
