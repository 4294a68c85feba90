"""Fit one candidate on the training rows, export it, and score the validation rows with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sluice import files, table
from sluice.guest import usecase
from sluice.guest.candidate import chosen
from sluice.model import Decision
from sluice.train import export, persist, thresholds
from sluice.train.fit import fit
from sluice.train.scores import predict
from sluice.train.segment_progress import Progress
from sluice.train.segments import write_validation
from sluice.train.settle import settle, significant


@usecase.task
def main(inputs: Path, outputs: Path, name: str, unfinished: str) -> None:
    """Write `pipeline.skops`, `parameters.json`, `validation.npy`, `thresholds.json` and the ONNX.

    Reads `params.yaml`, the rows `train.parquet`, and the inputs `validation.parquet`. unfinished:
    the folder where finished segments are kept until all are.
    """
    validation = table.read_split(inputs / "validation.parquet")
    with chosen(inputs, name) as found:
        settings, parameters = found.settings, found.parameters
        progress = Progress(Path(unfinished))
        pipeline = fit(found.build, parameters, found.rows, settings, progress)
    settle(pipeline)
    files.write_json(outputs / "parameters.json", parameters)
    persist.save(pipeline, outputs / "pipeline.skops")
    scores = significant(predict(pipeline, settings, validation[settings.features]))
    np.save(outputs / "validation.npy", scores, allow_pickle=False)
    if settings.data.segments is not None:
        write_validation(pipeline, validation[settings.features], outputs)
    at = {
        str(column): found.tolist() for column, found in thresholds.of_model(pipeline[-1]).items()
    }
    files.write_json(outputs / "thresholds.json", {k: _finite(v) for k, v in at.items()})
    # Read back, because the export must reproduce the scores of the loaded pipeline.
    trusted = usecase.load(inputs, "candidates", "TRUSTED")
    loaded = persist.load(outputs / "pipeline.skops", trusted)
    content = export.to_onnx(loaded, export.sign(settings, Decision())).SerializeToString()
    (outputs / "model.onnx").write_bytes(content)


def _finite(values: list[float]) -> list[float]:
    return [value for value in values if np.isfinite(value)]
