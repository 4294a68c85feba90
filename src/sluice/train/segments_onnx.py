"""Append the models of segments to the exported encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.errors import SluiceError
from sluice.model import SEGMENT_MODELS

if TYPE_CHECKING:
    from onnx import ModelProto

    from sluice.metrics import Floats, Ints


ROWS = "segment_rows"  # the initializer with the row of coefficients for each segment


def append(encoder: ModelProto, model: Any) -> None:
    """Make the encoder's graph score with a fitted segmented model, in place.

    The segment's place in the last column of the encoder's matrix selects a row of the
    coefficients: the first row is that of the model for all rows, which also serves segments
    without a model.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = encoder.graph
    matrix = graph.output[0].name
    coefficients, intercepts, rows = tables(model)
    width = coefficients.shape[2]
    constants: dict[str, Any] = {
        "segment_coefficients": coefficients,
        "segment_intercepts": intercepts,
        ROWS: rows,
        "segment_first": np.array([0], np.int64),
        "segment_width": np.array([width], np.int64),
        "segment_end": np.array([width + 1], np.int64),
        "segment_axis": np.array([1], np.int64),
        "segment_one": np.array([1], np.int64),
        "segment_last": np.array([2], np.int64),
        "segment_flat": np.array([-1], np.int64),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    node = helper.make_node
    graph.node.extend(
        [
            node("Slice", [matrix, "segment_first", "segment_width", "segment_axis"], ["features"]),
            node("Slice", [matrix, "segment_width", "segment_end", "segment_axis"], ["place"]),
            node("Cast", ["place"], ["whole_place"], to=TensorProto.INT64),
            node("Reshape", ["whole_place", "segment_flat"], ["flat_place"]),
            node("Add", ["flat_place", "segment_one"], ["next_place"]),
            node("Gather", [ROWS, "next_place"], [SEGMENT_MODELS]),
            node("Gather", ["segment_coefficients", SEGMENT_MODELS], ["coefficients"]),
            node("Gather", ["segment_intercepts", SEGMENT_MODELS], ["intercept"]),
            node("Unsqueeze", ["features", "segment_axis"], ["repeated"]),
            node("Mul", ["repeated", "coefficients"], ["weighted"]),
            node("ReduceSum", ["weighted", "segment_last"], ["summed"], keepdims=0),
            node("Add", ["summed", "intercept"], ["linear"]),
        ]
    )
    score = "probabilities" if hasattr(model, "classes_") else "linear"
    columns = len(model.classes_) if hasattr(model, "classes_") else 1
    if columns > 2:
        graph.node.append(node("Softmax", ["linear"], [score], axis=1))
    elif columns == 2:
        graph.initializer.append(numpy_helper.from_array(np.array(1.0), "certain"))
        graph.node.extend(
            [
                node("Sigmoid", ["linear"], ["positive"]),
                node("Sub", ["certain", "positive"], ["negative"]),
                node("Concat", ["negative", "positive"], [score], axis=1),
            ]
        )
    del graph.output[:]
    made = helper.make_tensor_value_info
    graph.output.extend(
        [
            made(SEGMENT_MODELS, TensorProto.INT64, [None]),
            made(score, TensorProto.DOUBLE, [None, columns]),  # the score is the last output
        ]
    )


def tables(model: Any) -> tuple[Floats, Floats, Ints]:
    """The coefficients and intercepts of the models in use, and the row of each index + 1."""
    served = np.flatnonzero(model.served_)
    kept = np.concatenate([[0], served + 1])
    rows = np.zeros(len(model.served_) + 1, np.int64)
    rows[served + 1] = np.arange(1, len(served) + 1)
    return model.coef_[kept], model.intercept_[kept], rows


def serve_only(content: bytes, served: Sequence[bool]) -> bytes:
    """The exported model, in which the model for all rows serves all segments except these.

    content: the ONNX. served: whether a segment has a model that serves, in the models' order.
    """
    from onnx import load_model_from_string, numpy_helper

    model = load_model_from_string(content)
    for table in model.graph.initializer:
        if table.name == ROWS:
            rows = numpy_helper.to_array(table)
            if len(rows) == len(served) + 1:
                kept = np.where([False, *served], rows, 0)
                table.CopyFrom(numpy_helper.from_array(kept, ROWS))
                return bytes(model.SerializeToString())
    raise SluiceError("the exported model has no table of its segments")
