"""The gain from more rows: a learning curve, fitted on parts of the training rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np

from sluice import table
from sluice.confined.run import run as run_confined
from sluice.decision import decided
from sluice.files import read_json
from sluice.metrics import METRICS, Floats
from sluice.model import Decision
from sluice.project import Project

_SIZES = (500, 1_000, 2_000, 4_000, 8_000)
_POWERS = np.linspace(0.2, 1.5, 27)


class Curve(msgspec.Struct, frozen=True):
    """limit - scale * rows**(-power), the expected value of a metric; for a loss, scale < 0."""

    limit: float
    scale: float
    power: float

    def at(self, rows: float) -> float:
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
    rows. None if there are too few rows for a curve, or the splits are not available.
    """
    if not project.split("train").exists() or not project.selection.exists():
        return None
    settings = project.settings
    train, validation = (table.read_split(project.split(p)) for p in ("train", "validation"))
    sizes = [size for size in _SIZES if size <= len(train)]
    if len(sizes) < 3:
        return None
    selection = read_json(project.selection)
    chosen = selection["chosen"]
    rule = msgspec.convert(selection["candidates"][chosen]["decision"], Decision)

    def give(folder: Path) -> None:
        shutil.copyfile(project.root / "params.yaml", folder / "params.yaml")
        shutil.copyfile(project.split("train"), folder / "train.parquet")
        shutil.copyfile(project.candidate(chosen) / "parameters.json", folder / "parameters.json")
        validation[settings.features].to_parquet(folder / "validation.parquet", index=False)

    truth = table.truth(validation, settings)
    metric = METRICS[settings.selection.metric]
    model = settings.candidates[chosen].model
    with run_confined(project.root, "learning", model, *map(str, sizes), give=give) as results:
        scores = [results.array(f"{size}.npy", len(validation)) for size in sizes]
    values = [metric.compute(decided(settings, truth, each, rule)) for each in scores]
    curve = of_curve(np.array(sizes, float), np.array(values))
    return metric.gain(curve.at(len(train) + more), curve.at(len(train)))
