"""The load test against servers that do what no server should."""

import socket
import time

import pytest

from sluice import config
from sluice.package.archive import opened
from sluice.staging import load
from sluice.serve.target import Target
from sluice.verdict import Status
from support.fixture_project import params
from support.staging.liar import TOKEN, lying, right
from support.staging.trials import named


@pytest.fixture(scope="module")
def settings():
    given = params("binary")
    given["load"]["bounds"] |= {"p95_ms": {"high": 700}}
    return config.validate(given, "params.yaml").load


@pytest.fixture(scope="module")
def opened_good(good):
    with opened(good.package) as package:
        yield package


@pytest.fixture(scope="module")
def known(opened_good):
    return load.known(opened_good, 2, 1e-6)


@pytest.fixture
def judged(opened_good, known, settings):
    def judge(target):
        taken = load.run(target, known, settings.connections, 0.5)
        found = load.numbers(opened_good, target, [taken])
        return load.verdict(found, settings), found

    return judge


def every(nth, otherwise):
    """That now and then, and the right answer else."""

    def behave(number, scores):
        return otherwise(scores) if number % nth == nth - 1 else right(number, scores)

    return behave


def off(scores):
    return right(0, [[score + 1e-3] for (score,) in scores])


WRONG = {
    "a wrong score": off,
    "status 500": lambda scores: (500, b'{"error": "the server failed"}'),
    "status 503": lambda scores: (503, b""),
    "an answer without scores": lambda scores: (200, b'{"results": [{}, {}]}'),
    "the connection failed": lambda scores: None,
}


def test_server_that_is_right_passes(judged, known):
    with lying(right, known) as target:
        verdict, found = judged(target)
    assert verdict.passes, verdict
    assert found.failures == {}
    assert found.requests > 50
    assert found.memory_mib == 50


@pytest.mark.parametrize("kind", WRONG)
def test_every_answer_is_looked_at(judged, known, kind):
    with lying(every(25, WRONG[kind]), known) as target:
        verdict, found = judged(target)
    assert set(found.failures) == {kind}
    finding = named(verdict, "load/error_rate")
    assert finding.status is Status.FAIL
    assert f"{kind}: " in finding.why
    assert 0 < finding.estimate < 0.2
    assert not verdict.passes


@pytest.mark.parametrize(
    "body", [b"no JSON", b'{"results": []}', b'{"results": [{"score": null}, {"score": null}]}']
)
def test_answer_that_holds_no_scores(judged, known, body):
    with lying(lambda *_: (200, body), known) as target:
        verdict, found = judged(target)
    assert set(found.failures) == {"an answer without scores"}
    assert named(verdict, "load/error_rate").estimate == 1
    for name in ("load/p95_ms", "load/p99_ms", "load/throughput"):
        assert named(verdict, name).status is Status.INSUFFICIENT


def test_slow_server(judged, known):
    def slow(number, scores):
        time.sleep(1)
        return right(number, scores)

    with lying(slow, known) as target:
        verdict, _ = judged(target)
    assert not verdict.passes
    assert named(verdict, "load/p95_ms").status is Status.FAIL
    assert named(verdict, "load/error_rate").status is Status.PASS


def test_memory_that_cannot_be_read(judged, known):
    with lying(right, known, memory=None) as target:
        verdict, _ = judged(target)
    assert verdict.status is Status.INSUFFICIENT
    assert not verdict.passes
    assert "could not be read" in named(verdict, "load/memory_mib").why


def test_nobody_is_there(judged):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict, found = judged(Target(port, TOKEN, "process", lambda: None))
    assert set(found.failures) == {"the connection failed"}
    assert not verdict.passes
    assert {finding.status for finding in verdict.findings} == {Status.FAIL, Status.INSUFFICIENT}


def test_percentile_that_falls_on_failures_is_unknown(judged, known):
    with lying(every(10, WRONG["status 500"]), known) as target:
        verdict, found = judged(target)
    assert found.p50_ms is not None
    assert (found.p95_ms, found.p99_ms) == (None, None)
    assert "too few requests were answered rightly" in named(verdict, "load/p95_ms").why
