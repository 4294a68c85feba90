"""Requests and answers of the Open Inference Protocol, one tensor for each column."""

from __future__ import annotations

import json
from typing import Any

from subject import Row


def request(row: Row, **more: Any) -> bytes:
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
    """The data of the output of that name."""
    outputs = json.loads(answer)["outputs"]
    return next(tensor["data"] for tensor in outputs if tensor["name"] == name)
