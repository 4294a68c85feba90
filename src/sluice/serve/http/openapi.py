"""The API's OpenAPI document, made from the model's signature and an example row."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from sluice import __version__
from sluice.labels import label
from sluice.model import Input, Record, Scalar, Signature
from sluice.serve.http.request_id import LONGEST
from sluice.serve.http.tensors import Datatype

Json = dict[str, Any]


def document(signature: Signature, name: str, version: str, example: Record) -> bytes:
    """The document as JSON. example: a row with all inputs, for the examples to send."""
    model = f"/v2/models/{name}"
    health = _object({"live": {"const": True}, "ready": {"const": True}}, ["live"])
    paths: Json = {
        "/score": {"post": _score(signature, example)},
        "/v2": _get("Server", "The server's name, version and protocol extensions", _SERVER),
        "/v2/health/live": _get("Server", "Is the server running?", health),
        "/v2/health/ready": _get("Server", "Is the server ready for requests?", health, 503),
        "/metrics": _get("Server", "Metrics in Prometheus' format", _TEXT, content="text/plain"),
    }
    for path in (model, f"{model}/versions/{version}"):
        ready = _object({"name": {"const": name}, "ready": {"const": True}})
        paths[path] = _get("Model", "The model's versions, inputs and outputs", _METADATA)
        paths[f"{path}/ready"] = _get("Model", "Is the model ready for requests?", ready, 503)
        paths[f"{path}/infer"] = {"post": _infer(signature, example)}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": f"{name} {version}",
                "version": __version__,
                "description": "This API scores rows with the model of a sluice delivery package.",
            },
            "paths": paths,
            "components": {
                "schemas": {"Error": _object({"error": _TEXT}) | _CLOSED},
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


def _list(items: Json, least: int = 0) -> Json:
    return {"type": "array", "items": items, "minItems": least}


_CLOSED: Json = {"additionalProperties": False}
_TEXT: Json = {"type": "string"}
_TRUTH: Json = {"type": "boolean"}
_ID: Json = {
    "type": ["string", "null"],
    "maxLength": 200,
    "description": "Returned in the response and written to the scoring log",
}
# The id of the HTTP request; a proxy that retries it sends the same one.
_X_REQUEST_ID: Json = {
    "name": "X-Request-ID",
    "in": "header",
    "description": f"At most {LONGEST} visible ASCII characters; otherwise the server makes an id. "
    "Returned in the response's header and written to the scoring log",
    "schema": _TEXT,
}
_SIZE: Json = {"type": "integer", "minimum": 0}
_SERVER = _object({"name": _TEXT, "version": _TEXT, "extensions": _list(_TEXT)})
_ABOUT_TENSOR = _object({"name": _TEXT, "datatype": _TEXT, "shape": _list({"type": "integer"}, 1)})
_METADATA = _object(
    {
        "name": _TEXT,
        "versions": _list(_TEXT, 1),
        "platform": _TEXT,
        "inputs": _list(_ABOUT_TENSOR, 1),
        "outputs": _list(_ABOUT_TENSOR, 1),
        "parameters": {"type": "object"},
    }
)


def _get(
    tag: str, summary: str, schema: Json, *errors: int, content: str = "application/json"
) -> Json:
    good = {"description": summary, "content": {content: {"schema": schema}}}
    responses = {"200": good} | _errors(401, 403, *errors)
    return {"get": {"tags": [tag], "summary": summary, "responses": responses}}


def _errors(*statuses: int) -> Json:
    schema = {"$ref": "#/components/schemas/Error"}
    content = {"application/json": {"schema": schema}}
    named = [*(f"{status}" for status in statuses), "default"]
    return {
        status: {"description": "The request was refused", "content": content} for status in named
    }


def _post(summary: str, description: str, request: Json, example: Json, response: Json) -> Json:
    asked = {"application/json": {"schema": request, "example": example}}
    good = {
        "description": "The rows were scored",
        "headers": {"X-Request-ID": {"schema": _TEXT, "description": "The request's id"}},
        "content": {"application/json": {"schema": response}},
    }
    refused = _errors(400, 401, 403, 408, 413, 415, 503)
    return {
        "tags": ["Score"],
        "summary": summary,
        "description": description,
        "parameters": [_X_REQUEST_ID],
        "requestBody": {"required": True, "content": asked},
        "responses": {"200": good} | refused,
    }


def _score(signature: Signature, example: Record) -> Json:
    columns = {column.name: _value(column) for column in signature.inputs}
    named = {} if signature.id is None else {signature.id: _CATEGORY}
    record = _object(columns | named, list(columns)) | _CLOSED
    request = _object({"records": _list(record, 1), "id": _ID}, ["records"]) | _CLOSED
    number: Json = {"type": "number"}
    if signature.task == "multiclass":
        number = _object(dict.fromkeys(signature.classes, number))
    result = _object({"id": _TEXT, "score": number, "decision": _TEXT}, ["score"])
    if signature.segment is not None:
        result["properties"]["segment"] = {"type": ["string", "null"]}
    answer = _object({"id": _TEXT, "model": _TEXT, "version": _TEXT, "results": _list(result, 1)})
    about = "Each record must have a value for every input column. Send null for an unknown value."
    return _post("Score plain records", about, request, {"records": [dict(example)]}, answer)


def _infer(signature: Signature, example: Record) -> Json:
    datatype: Json = {"enum": list(get_args(Datatype))}
    names = [column.name for column in signature.inputs]
    width = len(names)
    name: Json = {
        "anyOf": [{"enum": names}, _TEXT],
        "description": "An input column. A tensor of another name is one matrix "
        f"[n, {width}] of all columns, in this order.",
    }
    shape: Json = {"anyOf": [{"const": [1, 1]}, {"const": [1, width]}, _list({"type": "integer"})]}
    parameters = _object({"binary_data_size": {**_SIZE, "type": ["integer", "null"]}}, [])
    given = {
        "name": name,
        "shape": shape,
        "datatype": datatype,
        "parameters": parameters,
        "data": {"type": ["array", "null"]},
    }
    outputs = ["score", "decision"] if signature.classes else ["score"]
    outputs += ["segment"] if signature.segment is not None else []
    wanted = {
        "name": {"enum": outputs},
        "parameters": _object({"binary_data": _TRUTH}, []),
    }
    request = _object(
        {
            "id": _ID,
            "parameters": _object({"binary_data_output": _TRUTH}, []),
            "inputs": _list(_object(given, ["name", "shape", "datatype"]), 1),
            "outputs": {"type": ["array", "null"], "items": _object(wanted, ["name"])},
        },
        ["inputs"],
    )
    output = {
        "name": {"enum": outputs},
        "shape": _list(_SIZE, 1),
        "datatype": datatype,
        "data": {"type": "array", "items": {"type": ["number", "string"]}},
    }
    answer = _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "id": _TEXT,
            "outputs": _list(_object(output, ["name", "shape", "datatype"]), 1),
        }
    )
    inputs = [
        {
            "name": column.name,
            "shape": [1, 1],
            "datatype": "FP64" if column.type == "number" else "BYTES",
            "data": [_sent(column, example[column.name])],
        }
        for column in signature.inputs
    ]
    about = (
        "Send one tensor of shape [n, 1] for each input column, or one matrix of all columns. Send "
        "null for an unknown value. Tensors may also be binary (extension binary_tensor_data)."
    )
    operation = _post(
        "Score with the Open Inference Protocol", about, request, {"inputs": inputs}, answer
    )
    binary: Json = {"application/octet-stream": {"schema": {}}}
    operation["requestBody"]["content"] |= binary
    operation["responses"]["200"]["content"] |= binary
    length = "Length of the JSON in bytes, if binary tensors follow it"
    header = {"name": "Inference-Header-Content-Length", "in": "header", "description": length}
    operation["parameters"] = [*operation["parameters"], header | {"schema": _SIZE}]
    return operation


def _sent(column: Input, value: Scalar) -> Scalar:
    """A value as its tensor contains it."""
    return value if column.type == "number" or value is None else label(value)


_CATEGORY: Json = {"type": ["string", "number", "boolean", "null"]}


def _value(column: Input) -> Json:
    return {"type": ["number", "boolean", "null"]} if column.type == "number" else _CATEGORY
