"""What params.yaml may say about the load test."""

import pytest

from sluice.config import validate
from sluice.errors import SluiceError
from support.fixture_project import params

HIGH, LOW = {"high": 1}, {"low": 1}


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        ({"p95_ms": LOW}, "load.bounds.p95_ms: expected high; without it every model would pass"),
        ({"p50_ms": LOW}, "load.bounds.p50_ms: expected high; without it every model would pass"),
        (
            {"throughput": HIGH},
            "load.bounds.throughput: expected low; without it every model would pass",
        ),
        ({"memory_mib": {}}, "load.bounds.memory_mib: expected low, high or both"),
        ({"p90_ms": HIGH}, "load.bounds.p90_ms is not a known key"),
    ],
)
def test_bound_that_gates_nothing(bounds, said):
    settings = params("binary")
    settings["load"]["bounds"] |= bounds
    with pytest.raises(SluiceError, match=said):
        validate(settings, "params.yaml")


def test_no_bounds():
    settings = params("binary")
    settings["load"]["bounds"] = {}
    with pytest.raises(SluiceError, match=r"load\.bounds\.p95_ms is missing"):
        validate(settings, "params.yaml")


def test_no_load():
    settings = params("binary")
    del settings["load"]
    with pytest.raises(SluiceError, match="load is missing"):
        validate(settings, "params.yaml")


@pytest.mark.parametrize(
    "what", [{"seconds": 0}, {"connections": 0}, {"rows": 0}, {"seconds": ".inf"}]
)
def test_no_load_at_all(what):
    settings = params("binary")
    settings["load"] |= what
    with pytest.raises(SluiceError, match=f"load.{next(iter(what))} is "):
        validate(settings, "params.yaml")
