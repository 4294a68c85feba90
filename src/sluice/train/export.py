"""Export the selected pipeline: as ONNX to execute it, and as skops to inspect it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sluice import files, usecase
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.model import Decision, Input, Signature
from sluice.project import Project
from sluice.train import persist

if TYPE_CHECKING:
    from onnx import ModelProto
    from sklearn.pipeline import Pipeline

# The newest operator sets that skl2onnx 1.20 writes and ONNX Runtime runs for these models.
_OPERATORS = {"": 21, "ai.onnx.ml": 3}


def run(project: Project) -> None:
    """Write `model.onnx`, `pipeline.skops` and `signature.json` of the selected candidate."""
    selection = files.read_json(project.selection)
    chosen = selection["chosen"]
    decision = msgspec.convert(selection["candidates"][chosen]["decision"], Decision)
    signature = sign(project.settings, decision)
    source = project.candidate(chosen) / "pipeline.skops"
    pipeline = persist.load(source, usecase.load(project, "candidates", "TRUSTED"))
    content = to_onnx(pipeline, signature).SerializeToString()
    files.write(project.model / "model.onnx", content)
    shutil.copyfile(source, project.model / "pipeline.skops")
    files.write(project.model / "signature.json", files.encode_record(signature))


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
    return Signature(settings.task, inputs, tuple(settings.classes), decision, settings.data.id)


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
    options = {} if signature.task == "regression" else {"zipmap": False}
    try:
        model = convert(
            pipeline,
            initial_types=inputs,
            options=options,
            target_opset=_OPERATORS,
            name="model",  # the default is a random name
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError, RuntimeError) as error:
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"the selected model cannot be exported to ONNX: {said}") from error
    model.opset_import.sort(key=lambda operators: operators.domain)  # the order of a set varies
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
