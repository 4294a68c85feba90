"""Requests and responses of the Open Inference Protocol, with one tensor for each column."""

from __future__ import annotations

import json
from typing import Any

from subject import Row


def request(row: Row, **more: Any) -> bytes:
    """The body for one row. more: further fields of the request."""
    tensors = [
        {
            "name": name,
            "shape": [1, 1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value],
        }
        for name, value in row.items()
    ]
    return json.dumps({"inputs": tensors, **more}).encode()


def output(answer: bytes, name: str) -> list[float]:
    """The data of an output in a response."""
    outputs = json.loads(answer)["outputs"]
    return next(tensor["data"] for tensor in outputs if tensor["name"] == name)
