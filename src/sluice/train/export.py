"""Export the selected pipeline: as ONNX to execute it, and as skops to inspect it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sluice import files, table
from sluice.config import Settings
from sluice.confined.run import run as run_confined
from sluice.errors import SluiceError
from sluice.model import Decision, Input, Signature
from sluice.project import Project
from sluice.train import segments_onnx
from sluice.train.edges import edge_rows

if TYPE_CHECKING:
    from onnx import ModelProto
    from sklearn.pipeline import Pipeline

# The newest operator sets that skl2onnx 1.20 writes and ONNX Runtime runs for these models.
_OPERATORS = {"": 21, "ai.onnx.ml": 3}


def run(project: Project) -> None:
    """Write the files of the selected candidate as the model, and scores to compare it with.

    A confined process scores the holdout and the rows at the edges with the fitted pipeline:
    `holdout.npy`, `edges.npy`. The rows at the edges are in `edges.parquet`.
    """
    settings = project.settings
    selection = files.read_json(project.selection)
    chosen = selection["chosen"]
    decision = msgspec.convert(selection["candidates"][chosen]["decision"], Decision)
    signature = sign(settings, decision)
    source = project.candidate(chosen)
    inputs = [column.name for column in signature.inputs]
    holdout = table.read_split(project.split("holdout"), inputs)
    at = {int(k): np.array(v) for k, v in files.read_json(source / "thresholds.json").items()}
    edges = edge_rows(holdout, at, len(signature.numbers), settings.seed)
    rows = {"holdout": holdout, "edges": edges}

    served = _served(selection["candidates"][chosen])

    def give(folder: Path) -> None:
        shutil.copyfile(project.root / "params.yaml", folder / "params.yaml")
        shutil.copyfile(source / "pipeline.skops", folder / "pipeline.skops")
        files.write_json(folder / "served.json", sorted(served))
        for name, frame in rows.items():
            frame.to_parquet(folder / f"{name}.parquet", index=False)

    project.model.mkdir(parents=True, exist_ok=True)
    with run_confined(project.root, "score", *rows, give=give) as results:
        for name, frame in rows.items():
            scores = results.array(f"{name}.npy", len(frame))
            np.save(project.model / f"{name}.npy", scores, allow_pickle=False)
    edges.to_parquet(project.model / "edges.parquet", index=False)
    trained = files.read_json(source / "confined.json")
    files.write_json(project.model / "confined.json", trained and results.confined)
    shutil.copyfile(source / "pipeline.skops", project.model / "pipeline.skops")
    content = (source / "model.onnx").read_bytes()
    if signature.segment is not None:
        names = list(files.read_json(source / "segments.json"))
        content = segments_onnx.serve_only(content, [name in served for name in names])
    files.write(project.model / "model.onnx", content)
    files.write(project.model / "signature.json", files.encode_record(signature))


def _served(candidate: dict[str, Any]) -> set[str]:
    """The segments that use their own models."""
    return {one["name"] for one in candidate.get("segments", ()) if one["status"] == "pass"}


def sign(settings: Settings, decision: Decision) -> Signature:
    """The signature of a model of these settings."""
    columns = {name: settings.columns[name] for name in settings.features}
    inputs = tuple(
        Input(
            name,
            "number" if column.numeric else "category",
            name in settings.data.sensitive,
            column.declared,
        )
        for name, column in columns.items()
    )
    return Signature(
        settings.task,
        inputs,
        tuple(settings.classes),
        decision,
        settings.data.id,
        settings.segment_column,
    )


def to_onnx(pipeline: Pipeline, signature: Signature) -> ModelProto:
    """Convert a fitted pipeline; raises SluiceError if skl2onnx cannot convert a step."""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    _teach_double_imputation()
    shapes = {
        "numbers": DoubleTensorType([None, len(signature.numbers)]),
        "categories": StringTensorType([None, len(signature.categories)]),
    }
    inputs = [(name, shape) for name, shape in shapes.items() if shape.shape[1]]
    steps = pipeline if signature.segment is None else pipeline[:-1]
    options = {} if signature.task == "regression" or steps is not pipeline else {"zipmap": False}
    try:
        model = convert(
            steps,
            initial_types=inputs,
            options=options,
            target_opset=_OPERATORS,
            name="model",  # the default is a random name
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"the model cannot be exported to ONNX: {said}") from error
    model.opset_import.sort(
        key=lambda operators: operators.domain
    )  # the order of a set is not fixed
    if steps is not pipeline:
        segments_onnx.append(model, pipeline[-1])
    return model


def _teach_double_imputation() -> None:
    """Convert imputers to IsNaN and Where: ONNX Runtime has no Imputer for float64."""
    from skl2onnx import update_registered_converter
    from skl2onnx.algebra.onnx_ops import OnnxIsNaN, OnnxWhere
    from skl2onnx.common._registration import get_shape_calculator
    from sklearn.impute import SimpleImputer

    def impute(scope: Any, operator: Any, container: Any) -> None:
        given, version = operator.inputs[0], container.target_opset
        fill = operator.raw_operator.statistics_.astype(np.float64).reshape(1, -1)
        missing = OnnxIsNaN(given, op_version=version)
        filled = OnnxWhere(missing, fill, given, op_version=version, output_names=operator.outputs)
        filled.add_to(scope, container)

    shapes = get_shape_calculator("SklearnImputer")
    update_registered_converter(SimpleImputer, "SklearnImputer", shapes, impute)
