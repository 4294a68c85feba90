"""The queue of requests: those that wait at the same time are scored in one call."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from sluice.model import NO_SCORE, Model, Scores
from sluice.scoring_log.writer import LogError, LogWriter
from sluice.serve.errors import RequestRefusedError
from sluice.serve.metrics import Metrics
from sluice.serve.recorder import Recorder
from sluice.serve.request import ScoringRequest, joined


class Waiting(Protocol):
    """The receiver of the scores of a request: a future or a similar object."""

    def set_result(self, result: Scores, /) -> None:
        """Receive the scores."""

    def set_exception(self, error: Exception, /) -> None:
        """Receive the reason why there are no scores."""


def never() -> bool:
    """For a request that cannot be known to be abandoned."""
    return False


class Pending(NamedTuple):
    """A request in the queue. abandoned: returns whether its client no longer waits."""

    request: ScoringRequest
    waiting: Waiting
    abandoned: Callable[[], bool]


# The most rows of one call: between two calls, the event loop reads from the network.
_MAX_ROWS = 4_096


class ScoringQueue:
    """Scores waiting requests in order, and logs the scores before returning them.

    A proxy that gives up a request sends it to another server, so an abandoned request is refused
    and not logged. max_waiting: how many requests may wait; further ones are refused.
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

    def submit(
        self, request: ScoringRequest, abandoned: Callable[[], bool] = never
    ) -> asyncio.Future[Scores]:
        """Return a future for the scores of a request. Raises the same errors as `put`."""
        future: asyncio.Future[Scores] = self._loop.create_future()
        self.put(request, future, abandoned)
        return future

    def put(
        self, request: ScoringRequest, waiting: Waiting, abandoned: Callable[[], bool] = never
    ) -> None:
        """Add a request to the queue. abandoned: returns whether its client no longer waits.

        Raises RequestRefusedError if the queue is full. `waiting` receives that error if a score is
        not finite or cannot be logged, or if the request is abandoned.
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
        self._waiting.append(Pending(request, waiting, abandoned))

    def _score_next(self) -> None:
        together = [pending for pending in self._take() if not _refused(pending)]
        try:
            if together:
                self._score(together)
        except Exception:
            # Score them one by one, so that only the request at fault is refused.
            for pending in together:
                self._score_alone(pending)
        # This happens before the event loop sends the responses, after this callback returns.
        self._metrics.count()
        if self._waiting:
            self._loop.call_soon(self._score_next)

    def _score_alone(self, pending: Pending) -> None:
        try:
            self._score([pending])
        except LogError as error:
            refusal = RequestRefusedError(503, "log", str(error), **{"retry-after": "1"})
            _settle(pending.waiting.set_exception, refusal)
        except Exception as error:
            _settle(pending.waiting.set_exception, error)

    def _score(self, together: list[Pending]) -> None:
        """Score, log and answer all of these requests; if anything fails, none of them."""
        requests = [pending.request for pending in together]
        scores = self._model.score(joined([request.rows for request in requests]))
        if len(unusable := scores.unusable):
            raise RequestRefusedError(422, "no_score", f"row {unusable[0]}: {NO_SCORE}")
        if any(pending.abandoned() for pending in together):
            raise _gone()
        if self._log:
            self._log.write(self._recorder.records(requests, scores))
        sizes = [len(request.rows) for request in requests]
        self._metrics.scored(scores, sizes)
        start = 0
        for size, pending in zip(sizes, together, strict=True):
            end = start + size
            _settle(pending.waiting.set_result, scores.between(start, end))
            start = end

    def _take(self) -> list[Pending]:
        together: list[Pending] = []
        rows = 0
        while self._waiting and (
            not together or rows + len(self._waiting[0].request.rows) <= _MAX_ROWS
        ):
            together.append(self._waiting.popleft())
            rows += len(together[-1].request.rows)
        return together


def _refused(pending: Pending) -> bool:
    """Refuse a request if it is abandoned."""
    abandoned = pending.abandoned()
    if abandoned:
        _settle(pending.waiting.set_exception, _gone())
    return abandoned


def _gone() -> RequestRefusedError:
    return RequestRefusedError(503, "client_gone", "the proxy gave up this request")


def _settle(settle: Callable[[Any], None], result: Scores | Exception) -> None:
    """Set the future's result, unless the client has left and the future was cancelled."""
    with contextlib.suppress(asyncio.InvalidStateError):
        settle(result)
