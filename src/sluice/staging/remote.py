"""A model behind a server: it scores as one in this process does, or says what came instead."""

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
from sluice.staging.target import HOST, Target

_SECONDS = 30.0
# Below the server's own limits of a request: 10,000 rows and 8 MiB.
_ROWS, _BYTES = 1_000, 4 * 2**20
_LONGEST = 64 * 2**20  # of an answer
_REFUSED = re.compile(r"""row (\d+), column ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"): (.*)""", re.S)


class AnswerError(SluiceError):
    """An answer that is neither scores nor the refusal of a row."""


class Result(msgspec.Struct, frozen=True):
    """Of one row. score: of the positive class, of each class by its name, or the prediction."""

    score: float | dict[str, float]
    decision: str | None = None

    def values(self, classes: Sequence[str]) -> list[float] | None:
        """One score, or one a class in their order; None if the names are others."""
        if not isinstance(self.score, dict):
            return [self.score]
        if set(self.score) != set(classes):
            return None
        return [self.score[name] for name in classes]


class Answer(msgspec.Struct, frozen=True):
    results: list[Result]


class _Error(msgspec.Struct, frozen=True):
    error: str


class RemoteModel:
    """Speaks `POST /score`. A server that once did not answer is not asked again."""

    def __init__(self, target: Target, signature: Signature) -> None:
        self.signature = signature
        self._target = target
        self._connection = http.client.HTTPConnection(HOST, target.port, timeout=_SECONDS)
        self._lost: AnswerError | None = None

    def close(self) -> None:
        self._connection.close()

    def score_records(self, records: Sequence[Record]) -> Scores:
        results: list[Result] = []
        for part in _parts(records):
            try:
                results += self._ask(part)
            except InputError as error:
                raise InputError(len(results) + error.row, error.column, error.problem) from None
        return self._scores(results)

    def _ask(self, records: list[bytes]) -> list[Result]:
        status, content = self._post(b'{"records":[%s]}' % b",".join(records))
        if status != 200:
            raise _refusal(status, content)
        try:
            results = msgspec.json.decode(content, type=Answer).results
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise AnswerError(f"the server's answer holds no scores: {error}") from None
        if len(results) != len(records):
            raise AnswerError(f"the server scored {len(results)} rows of {len(records)}")
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
            answer = self._connection.getresponse()
            return answer.status, answer.read(_LONGEST)
        except (OSError, http.client.HTTPException) as error:
            said = str(error) or type(error).__name__
            self._lost = AnswerError(f"the server does not answer: {said}")
            raise self._lost from None

    def _scores(self, results: list[Result]) -> Scores:
        classes = self.signature.classes
        found = [result.values(classes) for result in results]
        wanted = len(classes) if self.signature.task == "multiclass" else 1
        if any(row is None or len(row) != wanted for row in found):
            raise AnswerError("the server's answer names other classes than the model has")
        values: Floats = np.array(found, np.float64)
        if wanted == 1:
            values = values[:, 0]
        scores = Scores(values, decide(self.signature.decision, values))
        for row, result in enumerate(results):
            meant = classes[int(scores.decisions[row])] if classes else None
            if result.decision != meant:
                raise AnswerError(
                    f"row {row}: the server decides {result.decision!r} on a score that means "
                    f"{meant!r}"
                )
        return scores


def _parts(records: Sequence[Record]) -> Iterator[list[bytes]]:
    """The records as JSON, in requests that the server admits."""
    part: list[bytes] = []
    size = 0
    for record in records:
        # Spelt so that each number reads back as itself; what JSON cannot say is an error here.
        spelt = json.dumps(dict(record), allow_nan=False).encode()
        if part and (len(part) == _ROWS or size + len(spelt) > _BYTES):
            yield part
            part, size = [], 0
        part.append(spelt)
        size += len(spelt) + 1
    yield part


def _refusal(status: int, content: bytes) -> SluiceError:
    try:
        said = msgspec.json.decode(content, type=_Error).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = "and no reason"
    named = _REFUSED.fullmatch(said) if 400 <= status < 500 else None
    if named is None:
        return AnswerError(f"the server answers {status}: {said}")
    return InputError(int(named[1]), str(ast.literal_eval(named[2])), named[3])
