"""The queue scores waiting requests together, and a bad one does not affect the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sluice.model import Decision, Input, Scores, Signature, Tensors, decide
from sluice.scoring_log.reader import read
from sluice.scoring_log.record import LoggedColumn, SegmentHeader
from sluice.scoring_log.writer import LogWriter, Rotation
from sluice.serve.errors import RequestRefusedError
from sluice.serve.queue import ScoringQueue, never
from sluice.serve.recorder import Recorder
from sluice.serve.request import ScoringRequest

SIGNATURE = Signature("binary", (Input("a", "number"),), ("no", "yes"), Decision(threshold=0.5))


class Echo:
    """A model whose score is its input, and which fails if the input is 13."""

    signature = SIGNATURE

    def score(self, tensors: Tensors) -> Scores:
        values = tensors.numbers[:, 0]
        if 13 in values:
            raise RuntimeError("thirteen")
        return Scores(values, decide(SIGNATURE.decision, values))


def request(name: str, *values: float) -> ScoringRequest:
    numbers = np.array(values)[:, None]
    tensors = Tensors(numbers, np.empty((len(values), 0), object))
    return ScoringRequest(name, tensors, None, time.monotonic(), f"http-{name}")


def submitted(
    folder: Path,
    requests: list[ScoringRequest],
    max_waiting: int = 100,
    abandoned: Mapping[str, Callable[[], bool]] = MappingProxyType({}),
) -> list[Any]:
    """The scores or the error of each request, when all wait at the same time.

    abandoned: by the id of a request, whether its client has left.
    """

    async def run() -> list[Any]:
        header = SegmentHeader(
            "p", "v", "d", "h", "i", "binary", ("no", "yes"), (LoggedColumn("a", "number"),)
        )
        log = LogWriter(folder, header, Rotation(2**40, 1e9, 1e9))
        recorder = Recorder(SIGNATURE, header.columns)
        metrics: Any = SimpleNamespace(scored=lambda scores, sizes: None, count=lambda: None)
        model: Any = Echo()
        queue = ScoringQueue(model, log, recorder, metrics, max_waiting)
        submits = [queue.submit(each, abandoned.get(each.id, never)) for each in requests]
        answers = await asyncio.gather(*submits, return_exceptions=True)
        log.close()
        return answers

    return asyncio.run(run())


def test_requests_that_are_scored_together_get_their_own_scores(tmp_path):
    requests = [request(f"q{n}", *np.arange(n) / 10) for n in range(1, 6)]
    answers = submitted(tmp_path, requests)
    assert [answer.values.tolist() for answer in answers] == [
        (np.arange(n) / 10).tolist() for n in range(1, 6)
    ]
    assert [record["request"] for record in read(tmp_path)] == [
        name for name in ("q1", "q2", "q3", "q4", "q5") for _ in range(int(name[1]))
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_request_without_a_finite_score_is_refused_alone_and_not_logged(tmp_path, bad):
    first, refused, last = submitted(
        tmp_path, [request("first", 0.1), request("bad", 0.2, bad), request("last", 0.3)]
    )
    assert (first.values.tolist(), last.values.tolist()) == ([0.1], [0.3])
    assert isinstance(refused, RequestRefusedError)
    assert refused.status == 422
    assert [record["request"] for record in read(tmp_path)] == ["first", "last"]


def test_a_request_at_which_the_model_fails_does_not_affect_the_others(tmp_path):
    first, broken, last = submitted(
        tmp_path, [request("first", 0.1), request("bad", 13), request("last", 0.3)]
    )
    assert (first.values.tolist(), last.values.tolist()) == ([0.1], [0.3])
    assert isinstance(broken, RuntimeError)
    assert [record["request"] for record in read(tmp_path)] == ["first", "last"]


def test_requests_beyond_max_waiting_are_refused_at_once(tmp_path):
    with pytest.raises(RequestRefusedError, match="2 requests are waiting"):
        submitted(tmp_path, [request(f"q{n}", 0.1) for n in range(3)], max_waiting=2)


@pytest.mark.parametrize("answers", [[True], [False, True]], ids=["before", "while scored"])
def test_a_request_that_is_abandoned_is_not_logged(tmp_path, answers):
    left = iter(answers)
    first, gone, last = submitted(
        tmp_path,
        [request("first", 0.1), request("gone", 0.2), request("last", 0.3)],
        abandoned={"gone": lambda: next(left, True)},
    )
    assert (first.values.tolist(), last.values.tolist()) == ([0.1], [0.3])
    assert isinstance(gone, RequestRefusedError)
    assert gone.kind == "client_gone"
    assert [record["request"] for record in read(tmp_path)] == ["first", "last"]
