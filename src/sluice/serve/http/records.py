"""`POST /score`: plain records for people."""

from __future__ import annotations

from typing import Any

import msgspec

from sluice.labels import label
from sluice.model import NOT_FINITE, InputError, Scalar, Scores, Signature, encode
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http import request_body
from sluice.serve.request import ScoringRequest, decided_classes


class RecordsRequest(msgspec.Struct, forbid_unknown_fields=True):
    records: list[dict[str, Scalar]]
    id: str | None = None


class _UndecodedRecords(msgspec.Struct):
    """A request of which no value is looked at."""

    records: list[dict[str, msgspec.Raw]]


_decoder = msgspec.json.Decoder(RecordsRequest)
_raw = msgspec.json.Decoder(_UndecodedRecords)
_scalar = msgspec.json.Decoder(Scalar)
_encode = msgspec.json.Encoder().encode


class Records:
    def __init__(self, signature: Signature, name: str, version: str, max_rows: int) -> None:
        self._signature, self._max_rows = signature, max_rows
        self._head = {"model": name, "version": version}

    def read(self, body: bytes, id: str, started: float) -> ScoringRequest:
        """Raises RequestRefusedError or InputError."""
        try:
            request = request_body.decode(_decoder, body)
        except RequestRefusedError as error:
            raise _named(body) or error from None
        request_body.check_row_count(len(request.records), self._max_rows)
        return ScoringRequest(
            request_body.check_id(request.id) if request.id else id,
            encode(self._signature, request.records),
            _ids(self._signature, request.records),
            started,
        )

    def write(self, question: ScoringRequest, scores: Scores) -> bytes:
        said = decided_classes(self._signature, scores)
        results = []
        for row, score in enumerate(scores.values.tolist()):
            result: dict[str, Any] = {} if question.ids is None else {"id": question.ids[row]}
            result["score"] = score
            if isinstance(score, list):
                result["score"] = dict(zip(self._signature.classes, score, strict=True))
            if said is not None:
                result["decision"] = said[row]
            results.append(result)
        return _encode({"id": question.id} | self._head | {"results": results})


def _named(body: bytes) -> InputError | None:
    """The first value that is no scalar, by row and column: the decoder does not name them."""
    try:
        records = request_body.decode(_raw, body).records
    except RequestRefusedError:
        return None
    for row, record in enumerate(records):
        for name, value in record.items():
            try:
                _scalar.decode(value)
            except msgspec.ValidationError:
                kind = {b"[": "a list", b"{": "an object"}.get(bytes(value)[:1])
                said = f"expected a number or text, found {kind}" if kind else NOT_FINITE
                return InputError(row, name, said)
            except UnicodeDecodeError:
                return None
    return None


def _ids(signature: Signature, records: list[dict[str, Scalar]]) -> list[str] | None:
    if signature.id is None or not any(signature.id in record for record in records):
        return None
    return [label(record.get(signature.id)) for record in records]
