"""Fit a candidate on parts of the training rows, and score the validation rows with each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sluice import config, files, table
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.guest import usecase
from sluice.train.fit import fit
from sluice.train.scores import predict

_LEAST = 20  # rows


@usecase.task
def main(inputs: Path, outputs: Path, model: str, *sizes: str) -> None:
    """Write one `ROWS.npy` for each number of rows: the scores after fitting on that many rows.

    Reads `params.yaml`, `parameters.json`, the rows `train.parquet`, and the inputs
    `validation.parquet`.
    """
    settings = _with_small_segments(config.load(inputs / "params.yaml"))
    train = table.read_split(inputs / "train.parquet")
    validation = table.read_split(inputs / "validation.parquet")
    build = usecase.load(inputs, "candidates", "CANDIDATES")[model]
    parameters = files.read_json(inputs / "parameters.json")
    order = np.random.default_rng(settings.seed).permutation(len(train))
    for size in sizes:
        rows = train.iloc[np.sort(order[: int(size)])]
        try:
            pipeline = fit(build, parameters, rows, settings)
        except ValueError as error:
            raise SluiceError(f"the learning curve cannot be fitted: {error}") from None
        scores = np.asarray(predict(pipeline, settings, validation), np.float64)
        np.save(outputs / f"{size}.npy", scores, allow_pickle=False)


def _with_small_segments(settings: Settings) -> Settings:
    """The settings with fewer rows required of a segment, because only a part of the rows is
    used.
    """
    if settings.data.segments is None:
        return settings
    segments = settings.data.segments.model_copy(update={"rows": _LEAST})
    data = settings.data.model_copy(update={"segments": segments})
    return settings.model_copy(update={"data": data})
