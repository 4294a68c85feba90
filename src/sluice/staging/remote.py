"""A model behind a server, with the interface of a model in this process."""

from __future__ import annotations

import ast
import http.client
import json
import re
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.model import InputError, Record, Scores, Signature, decide
from sluice.serve.target import HOST, Target

_SECONDS = 30.0  # the most time that one request may take
# Of one request; below the limits of the server, which are 10,000 rows and 8 MiB.
_ROWS, _BYTES = 1_000, 4 * 2**20
_RESPONSE_BYTES = 64 * 2**20
_REFUSED = re.compile(r"""row (\d+), column ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"): (.*)""", re.S)


class ResponseError(SluiceError):
    """A response with neither scores nor the refusal of a row."""


class RowScore(msgspec.Struct, frozen=True):
    """The result of one row.

    score: for two classes, the score of the positive one; for several, all scores by class; for a
    regression, the predicted number.
    """

    score: float | dict[str, float]
    decision: str | None = None

    def values(self, classes: Sequence[str]) -> list[float] | None:
        """One score, or one per class in the given order; None if the class names differ."""
        if not isinstance(self.score, dict):
            return [self.score]
        if set(self.score) != set(classes):
            return None
        return [self.score[name] for name in classes]


class ScoreResponse(msgspec.Struct, frozen=True):
    """The body of a successful response to POST /score."""

    results: list[RowScore]


class _Error(msgspec.Struct, frozen=True):
    error: str


class RemoteModel:
    """Scores rows with `POST /score`.

    After one request without a response, every later call raises the same ResponseError.
    """

    def __init__(self, target: Target, signature: Signature) -> None:
        self.signature = signature
        self._target = target
        self._connection = http.client.HTTPConnection(HOST, target.port, timeout=_SECONDS)
        self._lost: ResponseError | None = None

    def close(self) -> None:
        self._connection.close()

    def score_records(self, records: Sequence[Record]) -> Scores:
        """The scores of n rows: [n], or [n, classes] for several classes.

        Raises InputError if the server refuses a row, and ResponseError for any other response.
        """
        results: list[RowScore] = []
        for part in _parts(records):
            try:
                results += self._send(part)
            except InputError as error:
                raise InputError(len(results) + error.row, error.column, error.problem) from None
        return self._scores(results)

    def _send(self, records: list[bytes]) -> list[RowScore]:
        status, content = self._post(b'{"records":[%s]}' % b",".join(records))
        if status != 200:
            raise _refusal(status, content)
        try:
            results = msgspec.json.decode(content, type=ScoreResponse).results
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ResponseError(f"the server's response has no scores: {error}") from None
        if len(results) != len(records):
            raise ResponseError(
                f"the server returned scores of {len(results)} rows for {len(records)} rows"
            )
        return results

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._lost:
            raise self._lost
        headers = {
            "Authorization": f"Bearer {self._target.token}",
            "Content-Type": "application/json",
        }
        try:
            self._connection.request("POST", "/score", body, headers)
            response = self._connection.getresponse()
            return response.status, response.read(_RESPONSE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            self._lost = ResponseError(f"the server does not respond: {reason}")
            raise self._lost from None

    def _scores(self, results: list[RowScore]) -> Scores:
        classes = self.signature.classes
        found = [result.values(classes) for result in results]
        width = len(classes) if self.signature.task == "multiclass" else 1
        if any(row is None or len(row) != width for row in found):
            raise ResponseError("the classes in the server's response are not those of the model")
        values: Floats = np.array(found, np.float64)
        if width == 1:
            values = values[:, 0]
        scores = Scores(values, decide(self.signature.decision, values))
        for row, result in enumerate(results):
            expected = classes[int(scores.decisions[row])] if classes else None
            if result.decision != expected:
                raise ResponseError(
                    f"row {row}: the server's decision is {result.decision!r}, but its score "
                    f"means {expected!r}"
                )
        return scores


def _parts(records: Sequence[Record]) -> Iterator[list[bytes]]:
    """The records as JSON, divided into requests that the server accepts."""
    part: list[bytes] = []
    size = 0
    for record in records:
        # Numbers are written without loss; NaN raises an error.
        encoded = json.dumps(dict(record), allow_nan=False).encode()
        if part and (len(part) == _ROWS or size + len(encoded) > _BYTES):
            yield part
            part, size = [], 0
        part.append(encoded)
        size += len(encoded) + 1
    yield part


def _refusal(status: int, content: bytes) -> SluiceError:
    """An InputError if the server names a row and a column, else a ResponseError."""
    try:
        reason = msgspec.json.decode(content, type=_Error).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        reason = "no reason is given"
    named = _REFUSED.fullmatch(reason) if 400 <= status < 500 else None
    if named is None:
        return ResponseError(f"the server responds with status {status}: {reason}")
    return InputError(int(named[1]), str(ast.literal_eval(named[2])), named[3])
