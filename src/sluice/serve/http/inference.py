"""Inference requests and responses of the Open Inference Protocol (KServe V2).

The inputs are one tensor for each column, of shape [n, 1] or [n], or one matrix
[n, p] of all columns in the order of the signature. A missing value is null in
JSON, NaN in a binary FP tensor, and an empty string in a binary BYTES tensor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from sluice.model import NOT_FINITE, InputError, Scores, Signature, Tensors, no_input
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http import model_metadata, request_body, tensors
from sluice.serve.http.tensors import Tensor, Values
from sluice.serve.http.usual_request import OneRowResponse, UsualRequest
from sluice.serve.request import ScoringRequest, decided_classes
from sluice.unique_keys import RepeatedKeyError

BINARY_HEADER = b"inference-header-content-length"


class RequestedOutput(msgspec.Struct):
    """An output that a request names."""

    name: str
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct):
    """The JSON of a request. outputs: those wanted; None or empty for all."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[RequestedOutput] | None = None


class _TensorHead(msgspec.Struct):
    name: str
    shape: list[int]


class _TensorHeads(msgspec.Struct):
    """A request whose values are not decoded."""

    inputs: list[_TensorHead]


_decoder = msgspec.json.Decoder(InferenceRequest)
_heads = msgspec.json.Decoder(_TensorHeads)
# Parses msgspec's message about a wrong value: message, tensor, field, position.
_AT = re.compile(r"(.*) - at `\$\.inputs\[(\d+)\]\.(datatype|data)(?:\[(\d+)\])?")
_encode = msgspec.json.Encoder().encode


class Inference:
    """Reads inference requests for one model, and writes the responses."""

    def __init__(
        self, signature: Signature, name: str, version: str, max_rows: int, max_nesting: int
    ) -> None:
        self._signature = signature
        self._max_rows, self._max_nesting = max_rows, max_nesting
        self._numbers, self._levels = signature.numbers, signature.levels
        self._known = {signature.id, *(column.name for column in signature.inputs)}
        self._usual = UsualRequest(signature)
        self._one_row = OneRowResponse(signature, name, version)
        self._outputs = tuple(output["name"] for output in model_metadata.outputs(signature))
        self._head = _encode({"model_name": name, "model_version": version})[:-1]

    def read(
        self, body: bytes, header: bytes | None, id: str, started: float
    ) -> tuple[ScoringRequest, InferenceRequest | None]:
        """Read a request.

        The second result is None for the usual request of one row. header: the length of the JSON,
        if binary tensors follow it. id: the id of the HTTP request. Raises RequestRefusedError or
        InputError.
        """
        usual = self._usual.read(body) if header is None else None
        if usual is not None:
            return ScoringRequest(self._id(usual[0], id), usual[1], None, started, id), None
        text, rest = _split(body, header)
        try:
            request = request_body.decode(_decoder, text)
        except RequestRefusedError as error:
            raise self._with_place(error, text) from None
        self._check(request)
        _require_unique_keys(text, request)
        rows = request.inputs[0].shape[0]
        columns = self._columns(request.inputs, rest, rows)
        ids = columns.get(self._signature.id) if self._signature.id else None
        scoring = ScoringRequest(
            self._id(request.id, id),
            self._tensors(columns, rows),
            None if ids is None else tensors.labels(ids),
            started,
            id,
        )
        return scoring, request

    def _id(self, given: str | None, id: str) -> str:
        return request_body.check_id(given) if given else id

    def _with_place(self, error: RequestRefusedError, text: memoryview) -> Exception:
        """The error, with row and column if it is about a value; msgspec cannot name them."""
        found = _AT.search(error.message)
        if found is None:
            return error
        try:
            inputs = request_body.decode(_heads, text).inputs
        except RequestRefusedError:
            return error
        problem, at, field, index = found.groups()
        head, row = inputs[int(at)], int(index or 0)
        name, width = head.name, len(self._signature.inputs)
        if field == "data" and name not in self._known and head.shape[1:] == [width]:
            row, place = divmod(row, width)
            name = self._signature.inputs[place].name
        problem = problem.rpartition(": ")[2]
        if "out of range" in problem:
            return InputError(row, name, NOT_FINITE)
        return InputError(row, name, f"{field}: {problem}")

    def _check(self, request: InferenceRequest) -> None:
        """Check what can be refused without reading the values."""
        if not request.inputs:
            raise RequestRefusedError(400, "bad_request", "inputs: expected at least one tensor")
        shape = request.inputs[0].shape
        request_body.check_row_count(shape[0] if shape else 0, self._max_rows)
        for place in (request, *request.inputs, *(request.outputs or ())):
            if place.parameters:
                level = 2 if place is request else 4
                request_body.check_nesting(place.parameters, self._max_nesting, level)
        _flag(request.parameters, "binary_data_output")
        for output in request.outputs or ():
            _flag(output.parameters, "binary_data")
            if output.name not in self._outputs:
                there = ", ".join(self._outputs)
                raise RequestRefusedError(
                    400, "bad_request", f"unknown output {output.name!r}: expected {there}"
                )

    def _columns(self, given: list[Tensor], rest: memoryview, rows: int) -> dict[str, Values]:
        if len(given) == 1 and given[0].name not in self._known:
            columns, rest = self._matrix(given[0], rest)
        else:
            columns = {}
            shapes = [[rows, 1], [rows]]
            for tensor in given:
                name = tensor.name
                data: Sequence[Any] = tensor.data or []
                if name not in self._known:
                    raise InputError(0, name, no_input(name, self._signature))
                if name in columns:
                    raise InputError(0, name, "occurs twice")
                if tensor.shape not in shapes:
                    raise InputError(0, name, f"shape {tensor.shape}: expected [{rows}, 1]")
                if tensor.parameters or len(data) != rows or type(data[0]) is list:
                    data, rest = self._read(tensor, rest)
                tensors.check_type(name, tensor.datatype, data)
                if tensor.datatype == "BYTES" and name in self._numbers:
                    tensors.check_numbers(name, data)
                columns[name] = data
        if rest:
            message = f"{len(rest)} unexpected bytes follow the last binary tensor"
            raise RequestRefusedError(400, "bad_request", message)
        return columns

    def _read(self, tensor: Tensor, rest: memoryview) -> tuple[Values, memoryview]:
        """The tensor's values in row-major order, and the rest of the binary part."""
        count = math.prod(tensor.shape)
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            return tensors.flat(tensor, count), rest
        if tensor.data is not None:
            raise InputError(0, tensor.name, "has both data and binary_data_size; send only one")
        if type(size) is not int or not 0 <= size <= len(rest):
            problem = f"binary_data_size {size!r}: expected a whole number of at most {len(rest)}"
            raise InputError(0, tensor.name, problem)
        return tensors.read_binary(tensor, rest[:size], count), rest[size:]

    def _matrix(self, tensor: Tensor, rest: memoryview) -> tuple[dict[str, Values], memoryview]:
        inputs = self._signature.inputs
        width = len(inputs)
        if len(tensor.shape) != 2 or tensor.shape[1] != width:
            problem = (
                f"is neither an input of this model nor a matrix of all inputs "
                f"(expected shape [n, {width}], found {tensor.shape})"
            )
            raise InputError(0, tensor.name, problem)
        found, rest = self._read(tensor, rest)
        columns = {column.name: found[place::width] for place, column in enumerate(inputs)}
        for name, column in columns.items():
            tensors.check_type(name, tensor.datatype, column)
            if tensor.datatype == "BYTES" and name in self._numbers:
                tensors.check_numbers(name, column)
        return columns, rest

    def _tensors(self, columns: dict[str, Values], rows: int) -> Tensors:
        """Numbers [n, p] and categories [n, q] from the columns by name."""
        try:
            numbers = [columns[name] for name in self._numbers]
            categories = [
                tensors.categories(columns[name], levels) for name, levels in self._levels.items()
            ]
        except KeyError as missing:
            problem = "is missing; send null for an unknown value"
            raise InputError(0, missing.args[0], problem) from None
        try:
            table = np.array(numbers, np.float64)  # None becomes NaN
        except OverflowError:
            table = np.array([[np.inf]])
        if np.isinf(table).any():
            for name, found in zip(self._numbers, numbers, strict=True):
                tensors.check_numbers(name, found)
        return Tensors(
            table.reshape(len(numbers), rows).T,
            np.array(categories, object).reshape(len(categories), rows).T,
        )

    def write(
        self, scoring: ScoringRequest, request: InferenceRequest | None, scores: Scores
    ) -> tuple[bytes, int | None]:
        """The response's body, and the length of its JSON if binary tensors follow it."""
        if request is None:
            return self._one_row.write(scoring.id, scores), None
        rows = len(scoring.rows)
        values = scores.values
        texts = {
            "decision": decided_classes(self._signature, scores),
            "segment": None if scores.segments is None else [n or "" for n in scores.segments],
        }
        outputs, binary = [], []
        for name, as_binary in self._wanted(request).items():
            score = name == "score"
            output: dict[str, Any] = {
                "name": name,
                "datatype": "FP64" if score else "BYTES",
                "shape": values.shape if score else (rows,),
            }
            if as_binary:
                content = (
                    values.astype("<f8").tobytes() if score else tensors.write_texts(texts[name])
                )
                output["parameters"] = {"binary_data_size": len(content)}
                binary.append(content)
            else:
                output["data"] = values.ravel().tolist() if score else texts[name]
            outputs.append(output)
        text = self._head + b"," + _encode({"id": scoring.id, "outputs": outputs})[1:]
        return (text, None) if not binary else (text + b"".join(binary), len(text))

    def _wanted(self, request: InferenceRequest) -> dict[str, bool]:
        """The outputs to send, and for each of them whether it is sent in binary."""
        every = _flag(request.parameters, "binary_data_output")
        if not request.outputs:
            return dict.fromkeys(self._outputs, every)
        return {o.name: _flag(o.parameters, "binary_data", every) for o in request.outputs}


def _require_unique_keys(text: memoryview, request: InferenceRequest) -> None:
    keys = 1 + (request.id is not None) + (request.outputs is not None)
    for tensor in request.inputs:
        keys += 3 + (tensor.data is not None)  # a name, a shape and a datatype
    for place in (request, *request.inputs, *(request.outputs or ())):
        if place.parameters:
            keys += 1 + request_body.count_keys(place.parameters)
    keys += len(request.outputs or ())
    try:
        request_body.require_unique_keys(text, keys)
    except RepeatedKeyError as error:
        raise RequestRefusedError(400, "bad_json", str(error)) from None


def _flag(parameters: dict[str, Any], name: str, otherwise: bool = False) -> bool:
    value = parameters.get(name, otherwise)
    if not isinstance(value, bool):
        raise RequestRefusedError(400, "bad_request", f"parameter {name}: expected true or false")
    return value


def _split(body: bytes, header: bytes | None) -> tuple[memoryview, memoryview]:
    """The JSON, and the binary tensors that follow it."""
    content = memoryview(body)
    if header is None:
        return content, content[:0]
    if not header.isdigit() or len(header) > 12 or int(header) > len(body):
        raise RequestRefusedError(
            400,
            "bad_request",
            f"Inference-Header-Content-Length: expected a whole number of at most {len(body)}, "
            "the length of the body",
        )
    return content[: int(header)], content[int(header) :]
