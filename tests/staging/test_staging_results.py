"""Results travel as artifacts: what is read back is held to what it must be."""

import json

import msgspec
import pytest

from sluice.errors import SluiceError
from sluice.staging import results
from sluice.staging.measured import Measurements, Numbers
from sluice.staging.results import Results
from sluice.verdict import Bound, Finding, Status, Verdict, judge

EVIL = "x|<img src=y> @everyone [a](http://b) `\n# head"


def some(status=Status.PASS, name="a scenario"):
    p95 = judge("load/p95_ms", 12.0, Bound("params.yaml: load.bounds.p95_ms", high=100), n=10)
    numbers = Numbers("toy", "1", "d" * 64, "process", 10, {}, 1.0, 12.0, 13.0, 100.0, 50.0, 0.0)
    return Results(
        Verdict.of("test-scenarios", [Finding(f"test-scenarios/{name}", status, "why")]),
        Verdict.of("load", [p95]),
        Measurements(1.0, 4, 1, numbers, msgspec.structs.replace(numbers, trouble=name)),
    )


@pytest.fixture
def written(tmp_path):
    results.clear(tmp_path)
    for verdict in some().verdicts:
        results.write_verdict(tmp_path, verdict)
    results.write(tmp_path, some())
    return tmp_path


def change(path, **what):
    path.write_text(json.dumps(json.loads(path.read_text()) | what))


def test_comes_back_as_it_was(written):
    assert results.read(written) == some()
    assert results.read(written).passes


def test_passes_only_with_all_of_it(written):
    (written / "measured.json").unlink()
    assert not results.read(written).passes
    assert not some(Status.INSUFFICIENT).passes


def test_nothing_can_be_accepted(written):
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
    with pytest.raises(SluiceError, match="holds the verdict of 'test-scenarios'"):
        results.read(written)


@pytest.mark.parametrize("what", [{"seconds": -1}, {"more": 1}, {"candidate": None}, {"rows": "1"}])
def test_measurements_that_are_none(written, what):
    change(written / "measured.json", **what)
    with pytest.raises(SluiceError, match="no measurements"):
        results.read(written)


@pytest.mark.parametrize("name", ["load.json", "measured.json"])
def test_file_that_is_too_large_or_leads_elsewhere(written, name):
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


def test_page_begins_with_the_verdicts_and_acts_on_nothing():
    page = results.markdown(some(Status.FAIL, EVIL))
    lines = page.splitlines()
    assert lines[0].startswith("## ❌")
    assert lines[4].startswith("| ❌ fail | test-scenarios |")
    assert "| 95th percentile, ms | 12 | 12 | at most 100 |" in lines
    assert not any(part in page for part in ("<img", "@everyone", "](http", "\n# head"))
