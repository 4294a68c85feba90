"""Requests that a server must refuse, and what each refusal must look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from support.serving.server import Reply, RunningServer, UnpackedPackage, metric

Ask = Callable[[RunningServer, UnpackedPackage], Reply]


class BadRequest(NamedTuple):
    """A bad request. words: what the error message must contain. kind: the label of the metric that
    counts it.
    """

    title: str
    ask: Ask
    status: int
    kind: str
    words: tuple[str, ...] = ()


def each(cases: list[BadRequest]) -> pytest.MarkDecorator:
    """Run a test once for each case."""
    ids = [f"{number}: {case.title}" for number, case in enumerate(cases)]
    return pytest.mark.parametrize("case", cases, ids=ids)


def assert_refused(server: RunningServer, content: UnpackedPackage, case: BadRequest) -> None:
    """The refusal has the right status and message, is counted once, and is not logged."""
    logged, counted = len(server.logged()), metric(server, "sluice_errors_total", kind=case.kind)
    rows = metric(server, "sluice_rows_total")
    reply = case.ask(server, content)
    assert reply.status == case.status, reply.body
    assert all(word in reply.error for word in case.words), reply.error
    assert "Traceback" not in reply.error
    assert 0 < len(reply.error) < 400, "an error is one sentence"
    assert len(server.logged()) == logged
    assert metric(server, "sluice_errors_total", kind=case.kind) == counted + 1
    assert metric(server, "sluice_rows_total") == rows
    assert "Traceback" not in server.stderr.read_text()
