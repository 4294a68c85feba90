"""The response to `GET /v2/models/NAME`: metadata in the format of the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

from sluice.missing import WORDS
from sluice.model import Signature

_MISSING_VALUES = {
    "json": "null",
    "binary FP16, FP32, FP64": "NaN",
    "binary BYTES": "an empty string",
    "BYTES of a category": f"{', '.join(filter(None, WORDS))}, unless it is a declared value",
}


def document(signature: Signature, name: str, version: str) -> dict[str, Any]:
    """The model's name, inputs and outputs."""
    return {
        "name": name,
        "versions": [version],
        "platform": "onnx_onnxruntime",
        "inputs": inputs(signature),
        "outputs": outputs(signature),
        "parameters": {
            "task": signature.task,
            "classes": list(signature.classes),
            "missing_values": _MISSING_VALUES,
        },
    }


def outputs(signature: Signature) -> list[dict[str, Any]]:
    """The output tensors. segment: the segment whose model gave the score, or an empty text."""
    many = signature.task == "multiclass"
    found: list[dict[str, Any]] = [
        {
            "name": "score",
            "datatype": "FP64",
            "shape": [-1, len(signature.classes)] if many else [-1],
        }
    ]
    if signature.classes:
        found.append({"name": "decision", "datatype": "BYTES", "shape": [-1]})
    if signature.segment is not None:
        found.append({"name": "segment", "datatype": "BYTES", "shape": [-1]})
    return found


def inputs(signature: Signature) -> list[dict[str, Any]]:
    """The input tensors."""
    return [
        {
            "name": column.name,
            "datatype": "FP64" if column.type == "number" else "BYTES",
            "shape": [-1, 1],
        }
        for column in signature.inputs
    ]
