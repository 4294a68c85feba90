"""`POST /score`: rows as plain JSON records, which are easy to write by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.labels import label
from sluice.model import NOT_FINITE, InputError, Scalar, Scores, Signature, encode
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http import request_body
from sluice.serve.request import ScoringRequest, decided_classes
from sluice.unique_keys import RepeatedKeyError


class RecordsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request: one object for each row, with a value for each column."""

    records: list[dict[str, Scalar]]
    id: str | None = None


class _UndecodedRecords(msgspec.Struct):
    """A body whose values are not decoded yet."""

    records: list[dict[str, msgspec.Raw]]


_decoder = msgspec.json.Decoder(RecordsRequest)
_raw = msgspec.json.Decoder(_UndecodedRecords)
_scalar = msgspec.json.Decoder(Scalar)
_encode = msgspec.json.Encoder().encode


class Records:
    """Reads requests with records for one model, and writes the responses."""

    def __init__(self, signature: Signature, name: str, version: str, max_rows: int) -> None:
        self._signature, self._max_rows = signature, max_rows
        self._head = {"model": name, "version": version}

    def read(self, body: bytes, id: str, started: float) -> ScoringRequest:
        """Read a body. id: the id of the HTTP request. Raises RequestRefusedError or InputError."""
        try:
            request = request_body.decode(_decoder, body)
        except RequestRefusedError as error:
            raise self._first_bad_value(body) or error from None
        request_body.check_row_count(len(request.records), self._max_rows)
        _require_unique_keys(body, request)
        return ScoringRequest(
            request_body.check_id(request.id) if request.id else id,
            encode(self._signature, request.records),
            _ids(self._signature, request.records),
            started,
            id,
        )

    def _first_bad_value(self, body: bytes) -> InputError | None:
        """The first value that is not a scalar, with its row and column, which msgspec does not
        report.
        """
        try:
            records = request_body.decode(_raw, body).records
        except RequestRefusedError:
            return None
        inputs = [*self._signature.numbers, *self._signature.categories]
        for row, record in enumerate(records):
            # First in the order in which tensors and files are checked, then columns that are not
            # inputs.
            for name in dict.fromkeys([*inputs, *record]):
                try:
                    if name in record:
                        _scalar.decode(record[name])
                except msgspec.ValidationError:
                    return InputError(row, name, _no_scalar(record[name]))
                except UnicodeDecodeError:
                    return None
        return None

    def write(self, request: ScoringRequest, scores: Scores) -> bytes:
        """The response: one result for each row, in the order of the request."""
        decisions = decided_classes(self._signature, scores)
        results = []
        for row, score in enumerate(scores.values.tolist()):
            result: dict[str, Any] = {} if request.ids is None else {"id": request.ids[row]}
            result["score"] = score
            if isinstance(score, list):
                result["score"] = dict(zip(self._signature.classes, score, strict=True))
            if decisions is not None:
                result["decision"] = decisions[row]
            if scores.segments is not None:
                result["segment"] = scores.segments[row]
            results.append(result)
        return _encode({"id": request.id} | self._head | {"results": results})


def _require_unique_keys(body: bytes, request: RecordsRequest) -> None:
    records = request.records
    try:
        keys = 1 + (request.id is not None) + sum(map(len, records))
        request_body.require_unique_keys(body, keys)
    except RepeatedKeyError as error:
        if error.objects < len(records):
            raise InputError(error.objects, error.key, "occurs twice") from None
        raise RequestRefusedError(400, "bad_json", str(error)) from None


def _no_scalar(value: msgspec.Raw) -> str:
    kind = {b"[": "a list", b"{": "an object"}.get(bytes(value)[:1])
    return f"expected a number or text, found {kind}" if kind else NOT_FINITE


def _ids(signature: Signature, records: list[dict[str, Scalar]]) -> list[str] | None:
    if signature.id is None or not any(signature.id in record for record in records):
        return None
    return [label(record.get(signature.id)) for record in records]
