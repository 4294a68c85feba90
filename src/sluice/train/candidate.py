"""Train one candidate in a confined process, and keep the data that it returns."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sluice import files, table
from sluice.config import Settings
from sluice.confined.run import run as run_confined
from sluice.errors import SluiceError
from sluice.metrics import Floats, Ints
from sluice.project import Project
from sluice.train import unfinished_training


def run(project: Project, name: str) -> None:
    """Write the pipeline of a candidate, its export, its parameters and its validation scores."""
    settings = project.settings
    train = table.read_split(project.split("train"), [settings.data.target])
    validation = table.read_split(project.split("validation"), settings.features)
    _require_every_class(settings, table.truth(train, settings))

    def give(folder: Path) -> None:
        shutil.copyfile(project.root / "params.yaml", folder / "params.yaml")
        shutil.copyfile(project.split("train"), folder / "train.parquet")
        validation.to_parquet(folder / "validation.parquet", index=False)

    unfinished = unfinished_training.folder(project, name)
    with run_confined(project.root, "train", name, give=give, keep=unfinished) as results:
        parameters = results.json("parameters.json", dict[str, Any])
        scores = results.array("validation.npy", len(validation))
        thresholds = results.json("thresholds.json", dict[int, list[float]])
        content = {part: results.read(part) for part in ("pipeline.skops", "model.onnx")}
        segments = results.json("segments.json", dict[str, bool]) if settings.segment_column else {}
        rest = results.array("validation_global.npy", len(validation)) if segments else None
    shape = (len(validation), *([len(settings.classes)] if settings.task == "multiclass" else []))
    valid = [each for each in (scores, rest) if each is not None]
    if any(each.shape != shape or not np.isfinite(each).all() for each in valid):
        raise SluiceError(
            f"params.yaml: candidates.{name} gives no finite score for each validation row"
        )
    folder = project.candidate(name)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "parameters.json", parameters)
    files.write_json(folder / "thresholds.json", thresholds)
    files.write_json(folder / "confined.json", results.confined)
    for part, found in content.items():
        files.write(folder / part, found)
    _write_array(folder / "validation.npy", scores)
    if rest is not None:
        # Not sorted, because the order is that of the models.
        files.write(folder / "segments.json", msgspec.json.encode(segments))
        _write_array(folder / "validation_global.npy", rest)
    unfinished_training.remove(project, name)


def _write_array(path: Path, values: Floats) -> None:
    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    files.write(path, out.getvalue())


def _require_every_class(settings: Settings, y: Floats | Ints) -> None:
    if settings.task == "regression":
        return
    count = Counter(y.tolist())
    for k, name in enumerate(settings.classes):
        if not count[k]:
            raise SluiceError(
                f"class {name!r} of {settings.data.target!r} has no row in the train part: add "
                "rows of it, or remove it from the target's values in params.yaml"
            )
