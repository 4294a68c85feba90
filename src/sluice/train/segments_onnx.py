"""Append the models of segments to the exported encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.errors import SluiceError
from sluice.model import SEGMENT_MODELS
from sluice.train import segments_onnx_trees

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

    from sluice.metrics import Ints


ROWS = "segment_rows"  # the initializer with the row of coefficients for each segment


def append(encoder: ModelProto, model: Any) -> None:
    """Make the encoder's graph score with a fitted segmented model, in place.

    The last column of the encoder's matrix, the index of the row's segment, selects a model. The
    first one is the model for all rows, which also serves segments without a model.
    """
    from onnx import TensorProto, helper, numpy_helper

    boosted = hasattr(model, "trees_")
    numbers, rows = numbered(model)
    width = model.n_features_in_ - 1
    graph = encoder.graph
    matrix = graph.output[0].name
    constants: dict[str, Any] = {
        "segment_intercepts": model.intercept_[numbers],
        ROWS: rows,
        "segment_first": np.array([0], np.int64),
        "segment_width": np.array([width], np.int64),
        "segment_end": np.array([width + 1], np.int64),
        "segment_axis": np.array([1], np.int64),
        "segment_one": np.array([1], np.int64),
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
            node("Gather", ["segment_intercepts", SEGMENT_MODELS], ["intercept"]),
            *(_of_trees(model, width) if boosted else _of_coefficients(graph, model, numbers)),
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


def _of_coefficients(graph: GraphProto, model: Any, numbers: Ints) -> list[NodeProto]:
    """Nodes for the weighted sums of each row, by the coefficients of its model."""
    from onnx import helper, numpy_helper

    node = helper.make_node
    constants = {
        "segment_coefficients": model.coef_[numbers],
        "segment_last": np.array([2], np.int64),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    return [
        node("Gather", ["segment_coefficients", SEGMENT_MODELS], ["coefficients"]),
        node("Unsqueeze", ["features", "segment_axis"], ["repeated"]),
        node("Mul", ["repeated", "coefficients"], ["weighted"]),
        node("ReduceSum", ["weighted", "segment_last"], ["summed"], keepdims=0),
    ]


def _of_trees(model: Any, width: int) -> list[NodeProto]:
    """Nodes for the sums of the trees of each row's model."""
    from onnx import TensorProto, helper

    node = helper.make_node
    return [
        node("Cast", [SEGMENT_MODELS], ["model_number"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["model_number", "segment_axis"], ["model_column"]),
        node("Concat", ["features", "model_column"], ["selected"], axis=1),
        segments_onnx_trees.ensemble(model.trees_, width, "selected", "tree_sums"),
        node("Cast", ["tree_sums"], ["summed"], to=TensorProto.DOUBLE),
    ]


def numbered(model: Any) -> tuple[Ints, Ints]:
    """The numbers of the exported models, and for each segment's index + 1 the place of its model
    among these; 0 is the model for all rows.
    """
    served = np.flatnonzero(model.served_)
    if hasattr(model, "trees_"):  # models without trees need no space
        kept = np.arange(len(model.served_) + 1)
        return kept, np.where([False, *model.served_], kept, 0)
    kept = np.concatenate([[0], served + 1])
    rows = np.zeros(len(model.served_) + 1, np.int64)
    rows[served + 1] = np.arange(1, len(served) + 1)
    return kept, rows


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
