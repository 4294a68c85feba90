"""Score rows with the fitted pipeline, which only a confined process loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sluice import config, files, table
from sluice.guest import usecase
from sluice.train import persist
from sluice.train.scores import predict
from sluice.train.segments import serve_only


@usecase.task
def main(inputs: Path, outputs: Path, *names: str) -> None:
    """Write `NAME.npy` with the scores of the rows in `NAME.parquet`, for each of the names."""
    settings = config.load(inputs / "params.yaml")
    trusted = usecase.load(inputs, "candidates", "TRUSTED")
    pipeline = persist.load(inputs / "pipeline.skops", trusted)
    if settings.data.segments is not None:
        serve_only(pipeline, files.read_json(inputs / "served.json"))
    for name in names:
        scores = predict(pipeline, settings, table.read_split(inputs / f"{name}.parquet"))
        np.save(outputs / f"{name}.npy", np.asarray(scores, np.float64), allow_pickle=False)
