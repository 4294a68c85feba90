"""Bodies of requests."""

from __future__ import annotations

import json
import struct
from typing import Any

import msgspec

from sluice.model import Signature
from support.serving.server import UnpackedPackage


def columns(signature: Signature, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the protocol's tensors, one for each column."""
    kinds = {"number": "FP64", "category": "BYTES"}
    return [
        {
            "name": column.name,
            "datatype": kinds[column.type],
            "shape": [len(rows), 1],
            "data": [_value(column.type, row[column.name]) for row in rows],
        }
        for column in signature.inputs
    ]


def _value(kind: str, value: Any) -> Any:
    return value if kind == "number" or value is None else str(value)


def encode(body: Any) -> bytes:
    return msgspec.json.encode(body)


def in_binary(signature: Signature, rows: list[dict[str, Any]], **more: Any) -> tuple[bytes, int]:
    """A body with one binary tensor for each column, and the length of its JSON."""
    inputs, rest = [], b""
    for tensor in columns(signature, rows):
        if tensor["datatype"] == "FP64":
            numbers = [float("nan") if value is None else value for value in tensor["data"]]
            content = struct.pack(f"<{len(rows)}d", *numbers)
        else:
            texts = [("" if value is None else value).encode() for value in tensor["data"]]
            content = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        head = {name: tensor[name] for name in ("name", "datatype", "shape")}
        inputs.append(head | {"parameters": {"binary_data_size": len(content)}})
        rest += content
    text = json.dumps({"inputs": inputs, **more}).encode()
    return text + rest, len(text)


def records_body(content: UnpackedPackage, rows: int = 1) -> bytes:
    """A body for `/score` that repeats one row of the package."""
    return json.dumps({"records": content.rows[:1] * rows}).encode()
