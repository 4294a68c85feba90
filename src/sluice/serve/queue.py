"""Requests wait here for one another: those that are there together are scored together."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from sluice.model import Model, Scores, Tensors
from sluice.scoring_log.writer import LogError, LogWriter
from sluice.serve.errors import RequestRefusedError
from sluice.serve.metrics import Metrics
from sluice.serve.recorder import Recorder
from sluice.serve.request import ScoringRequest

Pending = tuple[ScoringRequest, asyncio.Future[Scores]]

_ROWS = 4_096  # at a time, between two looks at the network


class ScoringQueue:
    """Scores what waits, in its order, and logs it before anyone hears of it."""

    def __init__(
        self,
        model: Model,
        log: LogWriter | None,
        recorder: Recorder,
        metrics: Metrics,
        longest: int,
    ) -> None:
        self._model, self._log, self._longest = model, log, longest
        self._recorder, self._metrics = recorder, metrics
        self._waiting: deque[Pending] = deque()
        self._loop = asyncio.get_running_loop()

    def submit(self, question: ScoringRequest) -> asyncio.Future[Scores]:
        """The scores to come; raises RequestRefusedError if too many wait already."""
        if len(self._waiting) >= self._longest:
            raise RequestRefusedError(
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
            self._score(together)
        except Exception:
            for alone in together:  # so that nobody is refused for what came with another
                self._answer_alone(alone)
        if self._waiting:
            self._loop.call_soon(self._answer)

    def _answer_alone(self, asked: Pending) -> None:
        try:
            self._score([asked])
        except LogError as error:
            refusal = RequestRefusedError(503, "log", str(error), **{"retry-after": "1"})
            _settle(asked[1].set_exception, refusal)
        except Exception as error:
            _settle(asked[1].set_exception, error)

    def _score(self, together: list[Pending]) -> None:
        """Score and log all of these, then answer each; or none of that."""
        questions = [question for question, _ in together]
        scores = self._model.score(_joined([question.tensors for question in questions]))
        if not np.isfinite(scores.values).all():
            raise RequestRefusedError(
                422, "no_score", "the model gives no finite score for these values"
            )
        if self._log:
            self._log.write(self._recorder.records(questions, scores))
        self._metrics.scored(scores)
        start = 0
        for question, answer in together:
            end = start + len(question.tensors)
            part = Scores(scores.values[start:end], scores.decisions[start:end])
            _settle(answer.set_result, part)
            start = end

    def _next(self) -> list[Pending]:
        together: list[Pending] = []
        rows = 0
        while self._waiting and (not together or rows + len(self._waiting[0][0].tensors) <= _ROWS):
            together.append(self._waiting.popleft())
            rows += len(together[-1][0].tensors)
        return together


def _joined(parts: list[Tensors]) -> Tensors:
    if len(parts) == 1:
        return parts[0]
    return Tensors(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.categories for part in parts]),
    )


def _settle(settle: Callable[[Any], None], answer: Scores | Exception) -> None:
    """The client may have left, and its request's task with it."""
    with contextlib.suppress(asyncio.InvalidStateError):
        settle(answer)
