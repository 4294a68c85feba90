"""Results are read from files that are not trusted."""

import json

import msgspec
import pytest

from sluice.errors import SluiceError
from sluice.staging import page, results
from sluice.staging.measurements import LoadResult, Measurements
from sluice.staging.results import Results
from sluice.verdict import Bound, Finding, Status, Verdict, judge

EVIL = "x|<img src=y> @everyone [a](http://b) `\n# head"


def some(status=Status.PASS, name="a scenario"):
    p95 = judge("load/p95_ms", 12.0, Bound("params.yaml: load.bounds.p95_ms", high=100), n=10)
    measured = LoadResult(
        "toy", "1", "d" * 64, "process", 10, {}, 1.0, 12.0, 13.0, 100.0, 50.0, 0.0
    )
    return Results(
        Verdict.of("test-scenarios", [Finding(f"test-scenarios/{name}", status, "why")]),
        Verdict.of("load", [p95]),
        Measurements(1.0, 4, 1, measured, msgspec.structs.replace(measured, trouble=name)),
    )


@pytest.fixture
def written(tmp_path):
    results.clear(tmp_path)
    for verdict in some().verdicts:
        results.write_verdict(tmp_path, verdict)
    results.write_measurements(tmp_path, some())
    return tmp_path


def change(path, **what):
    path.write_text(json.dumps(json.loads(path.read_text()) | what))


def test_read_returns_what_was_written(written):
    assert results.read(written) == some()
    assert results.read(written).passes


def test_passes_only_if_complete(written):
    (written / "measured.json").unlink()
    assert not results.read(written).passes
    assert not some(Status.INSUFFICIENT).passes


def test_no_finding_can_be_accepted(written):
    finding = Finding("load/p95_ms", Status.INSUFFICIENT, "why", accepted="nobody minds that")
    Verdict.of("load", [finding]).write(written / "load.json")
    assert results.read(written).load.passes
    assert not results.read(written).passes


@pytest.mark.parametrize("name", ["load.json", "test-scenarios.json"])
def test_missing_verdict(written, name):
    (written / name).unlink()
    with pytest.raises(SluiceError, match="is missing"):
        results.read(written)


def test_status_that_was_edited(written):
    change(written / "load.json", status="fail")
    with pytest.raises(SluiceError, match="edited by hand"):
        results.read(written)


def test_verdict_of_another_gate(written):
    (written / "load.json").write_bytes((written / "test-scenarios.json").read_bytes())
    with pytest.raises(SluiceError, match="has the verdict of the gate 'test-scenarios'"):
        results.read(written)


@pytest.mark.parametrize("what", [{"seconds": -1}, {"more": 1}, {"candidate": None}, {"rows": "1"}])
def test_invalid_measurements(written, what):
    change(written / "measured.json", **what)
    with pytest.raises(SluiceError, match="has no measurements"):
        results.read(written)


@pytest.mark.parametrize("name", ["load.json", "measured.json"])
def test_file_that_is_too_large_or_a_link(written, name):
    path = written / name
    content = path.read_bytes()
    path.write_bytes(content + b" " * 2**20)
    with pytest.raises(SluiceError, match="larger than"):
        results.read(written)
    elsewhere = written / "elsewhere"
    elsewhere.write_bytes(content)
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(SluiceError, match="not a plain file"):
        results.read(written)


def test_page_begins_with_the_verdicts_and_its_text_is_inert():
    text = page.render(some(Status.FAIL, EVIL))
    lines = text.splitlines()
    assert lines[0].startswith("## ❌")
    assert lines[4].startswith("| ❌ fail | test-scenarios |")
    assert "| 95th percentile of latency, ms | 12 | 12 | at most 100 |" in lines
    assert not any(part in text for part in ("<img", "@everyone", "](http", "\n# head"))
