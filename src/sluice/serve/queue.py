"""The queue of requests: those that wait at the same time are scored in one call."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from sluice.model import NO_SCORE, Model, Scores, Tensors
from sluice.scoring_log.writer import LogError, LogWriter
from sluice.serve.errors import RequestRefusedError
from sluice.serve.metrics import Metrics
from sluice.serve.recorder import Recorder
from sluice.serve.request import ScoringRequest

Pending = tuple[ScoringRequest, asyncio.Future[Scores]]

# The most rows of one call: between two calls, the event loop reads from the network.
_MAX_ROWS = 4_096


class ScoringQueue:
    """Scores waiting requests in their order, and logs the scores before it hands them out.

    max_waiting: how many requests may wait; further ones are refused.
    """

    def __init__(
        self,
        model: Model,
        log: LogWriter | None,
        recorder: Recorder,
        metrics: Metrics,
        max_waiting: int,
    ) -> None:
        self._model, self._log, self._max_waiting = model, log, max_waiting
        self._recorder, self._metrics = recorder, metrics
        self._waiting: deque[Pending] = deque()
        self._loop = asyncio.get_running_loop()

    def submit(self, request: ScoringRequest) -> asyncio.Future[Scores]:
        """Return the future scores of a request.

        Raises RequestRefusedError if the queue is full. The future raises it if the
        model gives no finite score, or if the scores cannot be logged.
        """
        if len(self._waiting) >= self._max_waiting:
            raise RequestRefusedError(
                503,
                "queue_full",
                f"the server is busy: {self._max_waiting} requests are waiting; try again later",
                **{"retry-after": "1"},
            )
        if not self._waiting:
            self._loop.call_soon(self._score_next)
        future: asyncio.Future[Scores] = self._loop.create_future()
        self._waiting.append((request, future))
        return future

    def _score_next(self) -> None:
        together = self._take()
        try:
            self._score(together)
        except Exception:
            # Score them one by one, so that only the request at fault is refused.
            for pending in together:
                self._score_alone(pending)
        if self._waiting:
            self._loop.call_soon(self._score_next)

    def _score_alone(self, pending: Pending) -> None:
        try:
            self._score([pending])
        except LogError as error:
            refusal = RequestRefusedError(503, "log", str(error), **{"retry-after": "1"})
            _settle(pending[1].set_exception, refusal)
        except Exception as error:
            _settle(pending[1].set_exception, error)

    def _score(self, together: list[Pending]) -> None:
        """Score, log and answer all of these requests; if anything fails, none of them."""
        requests = [request for request, _ in together]
        scores = self._model.score(_joined([request.tensors for request in requests]))
        if len(unusable := scores.unusable):
            raise RequestRefusedError(422, "no_score", f"row {unusable[0]}: {NO_SCORE}")
        if self._log:
            self._log.write(self._recorder.records(requests, scores))
        self._metrics.scored(scores)
        start = 0
        for request, future in together:
            end = start + len(request.tensors)
            part = Scores(scores.values[start:end], scores.decisions[start:end])
            self._metrics.answered(part.values)
            _settle(future.set_result, part)
            start = end

    def _take(self) -> list[Pending]:
        together: list[Pending] = []
        rows = 0
        while self._waiting and (
            not together or rows + len(self._waiting[0][0].tensors) <= _MAX_ROWS
        ):
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


def _settle(settle: Callable[[Any], None], result: Scores | Exception) -> None:
    """Set the future's result, unless the client has left and the future was cancelled."""
    with contextlib.suppress(asyncio.InvalidStateError):
        settle(result)
