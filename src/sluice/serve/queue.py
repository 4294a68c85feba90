"""Requests wait here for one another: those that are there together are scored together."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence

import numpy as np

from sluice.model import Model, Scores, Signature, Tensors
from sluice.serve.http.errors import RefusedError
from sluice.serve.http.question import Question, decisions
from sluice.serve.log.record import Column, Record
from sluice.serve.log.writer import LogError, Writer

_ROWS = 4_096  # at a time, between two looks at the network


class Queue:
    """Scores what waits, in its order, and logs it before anyone hears of it."""

    def __init__(
        self, model: Model, log: Writer | None, logged: Sequence[Column], longest: int
    ) -> None:
        self._model, self._log, self._longest = model, log, longest
        self._recorder = Recorder(model.signature, logged)
        self._waiting: deque[tuple[Question, asyncio.Future[Scores]]] = deque()
        self._loop = asyncio.get_running_loop()

    def ask(self, question: Question) -> asyncio.Future[Scores]:
        """The scores to come; raises RefusedError if too many wait already."""
        if len(self._waiting) >= self._longest:
            raise RefusedError(
                503, "queue_full", f"{self._longest} requests wait already", **{"retry-after": "1"}
            )
        if not self._waiting:
            self._loop.call_soon(self._answer)
        answer: asyncio.Future[Scores] = self._loop.create_future()
        self._waiting.append((question, answer))
        return answer

    def _answer(self) -> None:
        together = self._next()
        try:
            scores = self._model.score(_joined([question.tensors for question, _ in together]))
            if self._log:
                self._log.write(self._recorder.records([q for q, _ in together], scores))
        except Exception as error:
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(_refusal(error))
        else:
            start = 0
            for question, answer in together:
                end = start + len(question.tensors)
                if not answer.done():
                    answer.set_result(Scores(scores.values[start:end], scores.decisions[start:end]))
                start = end
        if self._waiting:
            self._loop.call_soon(self._answer)

    def _next(self) -> list[tuple[Question, asyncio.Future[Scores]]]:
        together: list[tuple[Question, asyncio.Future[Scores]]] = []
        rows = 0
        while self._waiting and (not together or rows + len(self._waiting[0][0].tensors) <= _ROWS):
            together.append(self._waiting.popleft())
            rows += len(together[-1][0].tensors)
        return together


def _refusal(error: Exception) -> Exception:
    if isinstance(error, LogError):
        return RefusedError(503, "log", str(error), **{"retry-after": "1"})
    return error


def _joined(parts: list[Tensors]) -> Tensors:
    if len(parts) == 1:
        return parts[0]
    return Tensors(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.categories for part in parts]),
    )


class Recorder:
    """From scored questions to the log's records."""

    def __init__(self, signature: Signature, logged: Sequence[Column]) -> None:
        names = {column.name for column in logged}
        self._signature = signature
        self._every = len(names) == len(signature.inputs)
        self._numbers = [i for i, name in enumerate(signature.numbers) if name in names]
        self._categories = [i for i, name in enumerate(signature.categories) if name in names]

    def records(self, questions: list[Question], scores: Scores) -> list[Record]:
        now, clock = time.time_ns() // 1000, time.monotonic()
        said = decisions(self._signature, scores)
        values = scores.values.tolist()
        records: list[Record] = []
        for question in questions:
            latency = round(clock - question.started, 6)
            features = self._features(question.tensors)
            for row, known in enumerate(features):
                place = len(records)
                records.append(
                    Record(
                        now,
                        question.id,
                        row,
                        question.ids[row] if question.ids else None,
                        known,
                        values[place],
                        said[place] if said else None,
                        latency,
                    )
                )
        return records

    def _features(self, tensors: Tensors) -> list[list[float | str | None]]:
        numbers, categories = tensors.numbers, tensors.categories
        if not self._every:
            numbers, categories = numbers[:, self._numbers], categories[:, self._categories]
        return [
            known + [text or None for text in texts]
            for known, texts in zip(numbers.tolist(), categories.tolist(), strict=True)
        ]
