"""Counts of log files do not depend on how records are stored, can be added, and distinguish
versions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import SluiceError
from sluice.monitor import columns, log, log_files, summaries, windows
from sluice.monitor.summary import FileSummary, add, summarize
from sluice.monitor.windows import Subject
from sluice.scoring_log import file_names
from sluice.scoring_log.record import LoggedColumn, LogRecord, SegmentHeader
from sluice.scoring_log.writer import LogWriter, Rotation
from sluice.sketch import bins, distinct
from sluice.sketch.reference import Counted, Reference
from sluice.verdict import Finding, Status
from support.monitor import put_file

COLUMNS = (LoggedColumn("weight", "number"), LoggedColumn("colour", "category"))
SUBJECT = Subject("toy", "1", "d" * 64)
NOON = 1_774_958_400  # 2026-03-31 12:00 UTC
TODAY = NOON // 86_400 + 1


def header(**changes: Any) -> SegmentHeader:
    shared: dict[str, Any] = {
        "package": "toy",
        "version": "1",
        "digest": "d" * 64,
        "host": "host-1",
        "instance": "one",
        "task": "binary",
        "classes": ("no", "yes"),
        "columns": COLUMNS,
    }
    return SegmentHeader(**(shared | changes))


def records(count: int, *, start: float = NOON, seed: int = 1) -> list[LogRecord]:
    random = np.random.default_rng(seed)
    made = []
    for at in range(count):
        weight = None if at % 7 == 0 else float(random.normal(70, 12))
        colour = None if at % 11 == 0 else str(random.choice(["red", "green", "violet"]))
        score = float(random.random())
        decision = "yes" if score >= 0.5 else "no"
        when = int(start * 1e6) + at * 60_000_000
        made.append(
            LogRecord(when, f"q{at}", 0, f"c{at % 40}", [weight, colour], score, decision, 0.003)
        )
    return made


def counted(made: bins.Bins) -> Counted:
    return Counted(made, (10,) * made.size)


@pytest.fixture(scope="module")
def reference() -> Reference:
    random = np.random.default_rng(2)
    return Reference(
        "binary",
        ("no", "yes"),
        (
            counted(bins.of_numbers("weight", random.normal(70, 12, 500))),
            counted(bins.of_levels("colour", ["red", "green", "blue"])),
        ),
        (counted(bins.of_numbers("score", random.random(300), split_at=0.5)),),
        500,
        300,
        500,
        ((150,), (150,)),
        0.5,
        "key",
    )


def of(path: Path, reference: Reference) -> FileSummary:
    (file,) = log_files.find(str(path))
    return summarize(file, reference)


def test_a_summary_counts_every_record_once(tmp_path: Path, reference: Reference) -> None:
    (cell,) = of(put_file(tmp_path, header(), records(300), NOON), reference).cells
    weight, colour = reference.features
    assert (cell.rows, cell.with_id, cell.key.host) == (300, 300, "host-1")
    assert sum(cell.features[0]) == sum(cell.features[1]) == sum(cell.scores[0]) == 300
    assert cell.features[0][weight.bins.missing] == 43
    assert cell.features[1][colour.bins.missing] == 28
    assert cell.features[1][colour.bins.other] > 50
    assert cell.unseen == {"colour": ("violet",)}
    assert distinct.count(cell.sketch) == 40
    assert sum(cell.hours) == sum(cell.latencies) == sum(cell.decisions.values()) == 300
    assert cell.decisions["yes"] == sum(r.decision == "yes" for r in records(300))


def test_a_segment_a_parquet_file_and_two_halves_have_the_same_counts(
    tmp_path: Path, reference: Reference
) -> None:
    all_ = records(500)
    whole = of(put_file(tmp_path / "a", header(), all_, NOON), reference).cells
    segment = of(put_file(tmp_path / "b", header(), all_, NOON, segment=True), reference).cells
    halves = [
        of(put_file(tmp_path / name, header(), part, NOON), reference).cells
        for name, part in (("c", all_[:200]), ("d", all_[200:]))
    ]
    assert segment == whole
    assert {c.key: c for c in _added(halves[1] + halves[0])} == {c.key: c for c in whole}


def _added(cells: Any) -> list[Any]:
    merged: dict[Any, Any] = {}
    for cell in cells:
        merged[cell.key] = add(merged[cell.key], cell) if cell.key in merged else cell
    return list(merged.values())


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir()


def test_versions_hosts_and_days_are_counted_separately(
    tmp_path: Path, reference: Reference
) -> None:
    put_file(tmp_path, header(), records(30), NOON)
    put_file(tmp_path, header(host="host-2", instance="two"), records(20), NOON)
    put_file(tmp_path, header(version="2", digest="e" * 64), records(1440), NOON + 86_400)
    made = summaries.of_log(str(tmp_path), reference, None)
    keys = {(c.key.version, c.key.host, c.rows) for s in made for c in s.cells}
    assert keys == {("1", "host-1", 30), ("1", "host-2", 20), ("2", "host-1", 720)}
    assert sum(summary.rows for summary in made) == 1_490
    (first, *_) = log.sources(made)
    assert (first.version, first.host, first.rows) == ("1", "host-1", 30)


def test_files_of_other_types_are_named_and_never_cast(
    tmp_path: Path, reference: Reference
) -> None:
    other = (LoggedColumn("weight", "category"), LoggedColumn("colour", "category"))
    texts = [msgspec.structs.replace(r, features=["heavy", "red"]) for r in records(10)]
    summary = of(put_file(tmp_path, header(columns=other), texts, NOON), reference)
    assert summary.differences == {
        "weight": "has the type category in the log, and number in the package"
    }
    assert summary.cells[0].features[0] == ()
    several = header(task="multiclass", classes=("a", "b", "c"), columns=())
    scores = [msgspec.structs.replace(r, features=[], score=[0.2, 0.3, 0.5]) for r in records(10)]
    summary = of(put_file(tmp_path / "a", several, scores, NOON), reference)
    assert "is of another task" in summary.differences["score"]
    assert summary.differences["colour"] == "is not in the log"
    assert summary.cells[0].scores == ((),)
    assert summary.rows == 10


def findings(folder: Path, reference: Reference) -> dict[str, Finding]:
    made = summaries.of_log(str(folder), reference, None)
    return {f.name: f for f in log.findings(made, SUBJECT, TODAY)}


def test_a_good_log_passes(tmp_path: Path, reference: Reference) -> None:
    put_file(tmp_path, header(), records(30), NOON)
    assert {f.status for f in findings(tmp_path, reference).values()} == {Status.PASS}


def test_what_is_damaged_is_counted_and_named(tmp_path: Path, reference: Reference) -> None:
    good = put_file(tmp_path, header(), records(30), NOON)
    segment = put_file(tmp_path, header(instance="two"), records(30), NOON, segment=True)
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"q2", b"q9")
    segment.write_bytes(b"".join(lines[:20]) + b"deadbeef cut o")
    torn = tmp_path / "20260331T120000.000000Z-torn.parquet"
    torn.write_bytes(good.read_bytes()[:900])
    pq.write_table(pa.table({"a": [1]}), tmp_path / "20260331-foreign.parquet")
    (tmp_path / "link.parquet").symlink_to(good)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    said = findings(tmp_path, reference)
    unread = said["log/files that could not be read"]
    assert (unread.status, unread.estimate) == (Status.FAIL, 4)
    for part in ("torn.parquet", "foreign.parquet: is neither", "link.parquet: is a link", "loop"):
        assert part in unread.why
    damaged = said["log/files with damaged records"]
    assert (damaged.status, damaged.estimate) == (Status.FAIL, 1)
    assert f"{segment.name}: 1 line" in damaged.why
    made = summaries.of_log(str(tmp_path), reference, None)
    assert sum(summary.rows for summary in made) == 30 + 18


def test_clocks_that_disagree_are_named(tmp_path: Path, reference: Reference) -> None:
    put_file(tmp_path, header(), records(30), NOON)
    late = records(5, start=4_000_000_000)
    put_file(tmp_path, header(host="fast", instance="two"), late, NOON)
    found = findings(tmp_path, reference)["log/hosts whose clock is ahead"]
    assert found.status is Status.FAIL
    assert "fast" in found.why
    assert "host-1" not in found.why


def test_a_log_that_ended_is_not_up_to_date(tmp_path: Path, reference: Reference) -> None:
    put_file(tmp_path, header(), records(30, start=NOON - 9 * 86_400), NOON)
    found = findings(tmp_path, reference)["log/up to date"]
    assert found.status is Status.INSUFFICIENT
    assert "10 days ago" in found.why


def test_only_new_files_are_read_again(
    tmp_path: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, cache = tmp_path / "a", tmp_path / "cache"
    put_file(folder, header(), records(30), NOON)
    put_file(folder, header(instance="open"), records(9), NOON, segment=True)
    first = summaries.of_log(str(folder), reference, cache)
    put_file(folder, header(instance="new"), records(5), NOON)
    read: list[str] = []
    monkeypatch.setattr(
        summaries, "summarize", lambda file, ref: read.append(file.name) or summarize(file, ref)
    )
    second = summaries.of_log(str(folder), reference, cache)
    assert sorted(name.split("-")[-2] for name in read) == ["new", "open"]
    assert [s for s in second if "-new-" not in s.name] == first
    (kept,) = cache.rglob("*.json")
    kept.write_bytes(b"{ cut off")
    assert summaries.of_log(str(folder), reference, cache) == second


def test_several_threads_give_the_same_summaries(tmp_path: Path, reference: Reference) -> None:
    for day in range(6):
        put_file(tmp_path, header(), records(40, seed=day), NOON + day * 86_400)
    alone = [summarize(file, reference) for file in log_files.find(str(tmp_path))]
    assert summaries.of_log(str(tmp_path), reference, None) == alone


def test_a_log_that_is_being_written_is_read(tmp_path: Path, reference: Reference) -> None:
    writer = LogWriter(tmp_path / "a", header(), Rotation(bytes=2**40, seconds=1e9, sync=1e9))
    writer.write(records(12))
    (made,) = summaries.of_log(str(tmp_path / "a"), reference, None)
    writer.write(records(3))
    (again,) = summaries.of_log(str(tmp_path / "a"), reference, tmp_path / "cache")
    writer.close()
    assert (made.rows, again.rows) == (12, 15)
    assert not list(tmp_path.rglob("cache/*/*.json"))


def test_results_of_sluice_score_are_read_by_the_day_in_their_name(
    tmp_path: Path, reference: Reference
) -> None:
    shared = {"sluice.package": "toy", "sluice.version": "1", "sluice.digest": "d" * 64}
    result = pa.table(
        {
            "row": [0, 1, 2],
            "key": ["a", "b", "b"],
            "weight": [70, None, 71],
            "colour": ["red", "green", "pink"],
            "score": [0.1, 0.6, 0.9],
            "decision": ["no", "yes", "yes"],
        }
    ).replace_schema_metadata(shared)
    pq.write_table(result, tmp_path / "scores-2026-03-30.parquet")
    pq.write_table(result, tmp_path / "scores.quarantine.parquet")
    (made,) = summaries.of_log(str(tmp_path / "*.parquet"), reference, None)
    (cell,) = made.cells
    assert (cell.key.day, cell.rows, cell.key.host) == (TODAY - 2, 3, "sluice score")
    assert windows.day(cell.key.day).isoformat() == "2026-03-30"
    assert cell.features[0][reference.features[0].bins.missing] == 1
    assert cell.features[1][reference.features[1].bins.other] == 1
    assert (cell.with_id, distinct.count(cell.sketch)) == (3, 2)
    assert cell.decisions == {"no": 1, "yes": 2}
    assert made.differences == {}
    found = {f.name: f for f in log.findings([made], SUBJECT, TODAY)}
    assert "the date in its name: 1 files" in found["log/days of batch results"].why


def test_a_url_is_read_like_a_folder(tmp_path: Path, reference: Reference) -> None:
    put_file(tmp_path / "a", header(), records(30), NOON)
    put_file(tmp_path / "a", header(instance="two"), records(9), NOON, segment=True)
    parquet, segment = summaries.of_log((tmp_path / "a").as_uri(), reference, None)
    assert (parquet.rows, segment.problem) == (30, "only Parquet is read from a URL")
    with pytest.raises(SluiceError, match="nowhere://bucket/log: cannot be listed"):
        summaries.of_log("nowhere://bucket/log", reference, None)


@given(st.lists(st.text(max_size=12), max_size=60), st.integers(0, 60))
def test_the_sketch_of_ids_counts_different_ones_and_is_merged(texts: list[str], cut: int) -> None:
    column = pa.array([None, *texts], pa.string())
    whole = distinct.of_texts(column)
    parts = distinct.smallest(
        distinct.of_texts(column.slice(cut + 1)), distinct.of_texts(column.slice(0, cut + 1))
    )
    assert (whole == parts).all()
    assert distinct.count(whole) == len(set(texts))


def test_missing_values_of_columns_in_every_form() -> None:
    numbers = pa.array([1.5, None, 2.5, None]).slice(1)
    np.testing.assert_equal(columns.floats(numbers), [np.nan, 2.5, np.nan])
    assert columns.integers(pa.array([7, 8, 9], pa.int32()).slice(1)).tolist() == [8, 9]
    assert len(columns.floats(pa.array([], pa.float64()))) == 0
    with pytest.raises(ValueError, match="without a time"):
        columns.integers(pa.array([1, None]))


def test_the_sketch_estimates_many_ids() -> None:
    column = pa.array([f"customer {n % 50_000}" for n in range(120_000)])
    assert distinct.count(distinct.of_texts(column)) == pytest.approx(50_000, rel=0.2)


def test_the_names_of_segments_are_those_of_the_writer() -> None:
    path = file_names.segment_path(Path("log"), NOON, "host", "one", 1)
    assert path.name.startswith("20260331T120000")


@given(
    st.lists(st.floats(width=16) | st.integers(-3, 3).map(float), max_size=50),
    st.lists(st.integers(-3, 3).map(float), max_size=5, unique=True).map(sorted),
)
def test_numbers_are_counted_together_like_single_ones(
    numbers: list[float], edges: list[float]
) -> None:
    one, values = bins.Bins("n", "number", tuple(edges)), np.array(numbers, np.float64)
    assert one.count_numbers(values).tolist() == one.count(one.of_numbers(values)).tolist()


@pytest.mark.parametrize("ids", [100, 1_000, 50_000])
def test_the_smallest_hashes_are_found_among_many_equal_ones(ids: int) -> None:
    hashes = np.random.default_rng(1).integers(0, 2**63, ids).astype(np.uint64)
    many = np.tile(hashes, 60_000 // ids)
    assert (distinct.smallest(many) == np.unique(many)[: distinct.K]).all()
