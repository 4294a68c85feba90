"""The API as an OpenAPI document, made from the package's signature and a row of its own."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from sluice import __version__
from sluice.model import Input, Record, Signature
from sluice.serve.http.tensors import Datatype

Json = dict[str, Any]


def document(signature: Signature, name: str, version: str, example: Record) -> bytes:
    model = f"/v2/models/{name}"
    paths: Json = {
        "/score": {"post": _score(signature, example)},
        "/v2": _get("The server and its extensions"),
        "/v2/health/live": _get("Is the process alive?"),
        "/v2/health/ready": _get("Should requests be sent here?", 503),
        "/metrics": _get("Metrics for Prometheus", content="text/plain"),
    }
    for path in (model, f"{model}/versions/{version}"):
        paths[path] = _get("The model, its inputs and outputs")
        paths[f"{path}/ready"] = _get("Is the model ready?", 503)
        paths[f"{path}/infer"] = {"post": _infer(signature, example)}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": f"{name} {version}",
                "version": __version__,
                "description": "Scores from a sluice delivery package.",
            },
            "paths": paths,
            "components": {
                "schemas": {"Error": _object({"error": {"type": "string"}})},
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{}, {"bearer": []}],
        }
    )


def _object(properties: Json, required: list[str] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


def _get(summary: str, *errors: int, content: str = "application/json") -> Json:
    kind = {"type": "object"} if content == "application/json" else {"type": "string"}
    good = {"description": summary, "content": {content: {"schema": kind}}}
    return {"get": {"summary": summary, "responses": {"200": good} | _errors(401, 403, *errors)}}


def _errors(*statuses: int) -> Json:
    schema = {"$ref": "#/components/schemas/Error"}
    content = {"application/json": {"schema": schema}}
    return {str(status): {"description": "Refused", "content": content} for status in statuses}


def _post(summary: str, request: Json, example: Json, response: Json) -> Json:
    asked = {"application/json": {"schema": request, "example": example}}
    good = {"description": "Scored", "content": {"application/json": {"schema": response}}}
    refused = _errors(400, 401, 403, 408, 413, 415, 503)
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": asked},
        "responses": {"200": good} | refused,
    }


def _score(signature: Signature, example: Record) -> Json:
    columns = {column.name: _value(column) for column in signature.inputs}
    record = _object(columns) | {"additionalProperties": False}
    if signature.id is not None:
        record["properties"] = columns | {signature.id: {"type": ["string", "integer"]}}
    records = {"type": "array", "items": record, "minItems": 1}
    request = _object({"records": records, "id": _ID}, ["records"])
    number: Json = {"type": "number"}
    if signature.task == "multiclass":
        number = _object(dict.fromkeys(signature.classes, number))
    result = _object({"id": _TEXT, "score": number, "decision": _TEXT}, ["score"])
    answer = _object(
        {
            "id": _TEXT,
            "model": _TEXT,
            "version": _TEXT,
            "results": {"type": "array", "items": result},
        }
    )
    summary = "Score plain records"
    closed = request | {"additionalProperties": False}
    return _post(summary, closed, {"records": [dict(example)]}, answer)


def _infer(signature: Signature, example: Record) -> Json:
    tensor = _object(
        {
            "name": _TEXT,
            "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
            "datatype": {"enum": list(get_args(Datatype))},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
        ["name", "shape", "datatype"],
    )
    wanted = _object({"name": _TEXT, "parameters": {"type": "object"}}, ["name"])
    request = _object(
        {
            "id": _ID,
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": tensor, "minItems": 1},
            "outputs": {"type": "array", "items": wanted},
        },
        ["inputs"],
    )
    answer = _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": {"type": "array", "items": tensor},
        }
    )
    inputs = [
        {
            "name": column.name,
            "shape": [1, 1],
            "datatype": "FP64" if column.type == "number" else "BYTES",
            "data": [example[column.name]],
        }
        for column in signature.inputs
    ]
    summary = "Score tensors (Open Inference Protocol)"
    return _post(summary, request, {"inputs": inputs}, answer)


_TEXT: Json = {"type": "string"}
_ID: Json = {"type": "string", "maxLength": 200, "description": "Echoed, and kept in the log"}


def _value(column: Input) -> Json:
    if column.type == "number":
        return {"type": ["number", "null"]}
    return {"type": ["string", "number", "boolean", "null"]}
