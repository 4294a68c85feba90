"""The load test against servers that misbehave."""

import socket
import time

import pytest

from sluice import config
from sluice.package.archive import opened
from sluice.serve.target import Target
from sluice.staging import load
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
def requests(opened_good):
    return load.requests(opened_good, 2, 1e-6)


@pytest.fixture
def judged(opened_good, requests, settings):
    def judge(target):
        done = load.run(target, requests, settings.connections, 0.5)
        found = load.summary(opened_good, target, [done])
        return load.verdict(found, settings), found

    return judge


def every(nth, otherwise):
    """Misbehave in every nth response; the others are correct."""

    def behave(number, scores):
        return otherwise(scores) if number % nth == nth - 1 else right(number, scores)

    return behave


def off(scores):
    return right(0, [[score + 1e-3] for (score,) in scores])


WRONG = {
    "a wrong score": off,
    "status 500": lambda scores: (500, b'{"error": "the server failed"}'),
    "status 503": lambda scores: (503, b""),
    "a response without scores": lambda scores: (200, b'{"results": [{}, {}]}'),
    "the connection failed": lambda scores: None,
}


def test_correct_server_passes(judged, requests):
    with lying(right, requests) as target:
        verdict, found = judged(target)
    assert verdict.passes, verdict
    assert found.failures == {}
    assert found.requests > 50
    assert found.memory_mib == 50


@pytest.mark.parametrize("kind", WRONG)
def test_every_response_is_checked(judged, requests, kind):
    with lying(every(25, WRONG[kind]), requests) as target:
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
def test_response_without_scores(judged, requests, body):
    with lying(lambda *_: (200, body), requests) as target:
        verdict, found = judged(target)
    assert set(found.failures) == {"a response without scores"}
    assert named(verdict, "load/error_rate").estimate == 1
    for name in ("load/p95_ms", "load/p99_ms", "load/throughput"):
        assert named(verdict, name).status is Status.INSUFFICIENT


def test_slow_server(judged, requests):
    def slow(number, scores):
        time.sleep(1)
        return right(number, scores)

    with lying(slow, requests) as target:
        verdict, _ = judged(target)
    assert not verdict.passes
    assert named(verdict, "load/p95_ms").status is Status.FAIL
    assert named(verdict, "load/error_rate").status is Status.PASS


def test_memory_that_cannot_be_read(judged, requests):
    with lying(right, requests, memory=None) as target:
        verdict, _ = judged(target)
    assert verdict.status is Status.INSUFFICIENT
    assert not verdict.passes
    assert "could not be read" in named(verdict, "load/memory_mib").why


def test_no_server(judged):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    verdict, found = judged(Target(port, TOKEN, "process", lambda: None))
    assert set(found.failures) == {"the connection failed"}
    assert not verdict.passes
    assert {finding.status for finding in verdict.findings} == {Status.FAIL, Status.INSUFFICIENT}


def test_percentile_that_falls_on_failures_is_unknown(judged, requests):
    with lying(every(10, WRONG["status 500"]), requests) as target:
        verdict, found = judged(target)
    assert found.p50_ms is not None
    assert (found.p95_ms, found.p99_ms) == (None, None)
    assert "too few requests had a correct response" in named(verdict, "load/p95_ms").why
