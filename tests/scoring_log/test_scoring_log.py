"""The scoring log: incomplete lines, rotation, Parquet, several writers and full disks."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyarrow import parquet

from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.compact import compact
from sluice.scoring_log.reader import read
from sluice.scoring_log.record import LoggedColumn, LogRecord, Segment, SegmentHeader, line
from sluice.scoring_log.writer import LogError, LogWriter, Rotation

COLUMNS = (LoggedColumn("weight", "number"), LoggedColumn("colour", "category"))
NEVER = Rotation(bytes=2**40, seconds=1e9, sync=1e9)


def header(instance: str = "one", **changes: Any) -> SegmentHeader:
    shared: dict[str, Any] = {
        "package": "toy",
        "version": "2026.01.02-abc",
        "digest": "d" * 64,
        "host": "host-1",
        "instance": instance,
        "task": "binary",
        "classes": ("no", "yes"),
        "columns": COLUMNS,
    }
    return SegmentHeader(**(shared | changes))


def record(number: int, **changes: Any) -> LogRecord:
    shared: dict[str, Any] = {
        "time": 1_700_000_000_000_000 + number,
        "request": f"r-{number}",
        "row": 0,
        "id": None,
        "features": [number + 0.5, None if number % 3 == 0 else "rot\nblau"],
        "score": 0.25,
        "decision": "no",
        "latency": 0.001,
        "x_request_id": f"x-{number}",
    }
    return LogRecord(**(shared | changes))


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A closed segment of five records, alone in its folder."""
    folder = tmp_path / "log"
    folder.mkdir()
    writer = LogWriter(folder, header(), NEVER)
    writer.write([record(0), record(1)])
    writer.write([record(2), record(3), record(4)])
    writer.close()
    return folder


def requests(folder: Path) -> list[str]:
    return [found["request"] for found in read(folder)]


def test_records_are_read_as_they_were_written(written):
    first = next(read(written))
    assert first == {
        "time": 1_700_000_000_000_000,
        "request": "r-0",
        "row": 0,
        "id": None,
        "host": "host-1",
        "instance": "one",
        "package": "toy",
        "version": "2026.01.02-abc",
        "digest": "d" * 64,
        "features": {"weight": 0.5, "colour": None},
        "score": 0.25,
        "decision": "no",
        "latency": 0.001,
        "x_request_id": "x-0",
    }


def test_parquet_contains_the_same_records_as_the_segment(written):
    before = list(read(written))
    (target,) = compact(written)
    assert file_names.list_segments(written) == []
    assert list(read(written)) == before
    table = parquet.read_table(target)
    assert table.column("host").to_pylist() == ["host-1"] * 5
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


def test_a_segment_cut_at_any_byte_keeps_its_complete_records(written, tmp_path):
    (segment,) = file_names.list_segments(written)
    content = segment.read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    near = {end + step for end in [0, *ends] for step in range(-3, 4)}
    for length in sorted((near | set(range(0, len(content), 29))) & set(range(len(content) + 1))):
        torn = tmp_path / "torn"
        shutil.rmtree(torn, ignore_errors=True)
        torn.mkdir()
        (torn / segment.name).write_bytes(content[:length])
        whole = max(sum(end <= length for end in ends) - 1, 0)
        expected = [f"r-{number}" for number in range(whole)]
        assert requests(torn) == requests(torn) == expected, length
        compact(torn)
        assert requests(torn) == expected, length
        assert compact(torn) == [], length
        assert requests(torn) == expected, length


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"deadbeef [1", b"\xff\xfe", b"12345678 "])
def test_garbage_after_the_last_record_is_ignored(written, tail):
    (segment,) = file_names.list_segments(written)
    with segment.open("ab") as end:
        end.write(tail)
    assert len(requests(written)) == 5
    compact(written)
    assert len(requests(written)) == 5


def test_a_segment_with_a_damaged_record_is_kept_and_the_record_left_out(written):
    (segment,) = file_names.list_segments(written)
    content = bytearray(segment.read_bytes())
    content[content.index(b"r-2") + 2] = ord("7")
    segment.write_bytes(content)
    assert requests(written) == ["r-0", "r-1", "r-3", "r-4"]
    compact(written)
    assert requests(written) == ["r-0", "r-1", "r-3", "r-4"]
    (aside,) = written.glob(f"*{file_names.DAMAGED}")
    assert aside.read_bytes() == content

    aside.rename(segment)  # as if the process was killed before the segment was renamed
    compact(written)
    assert aside.read_bytes() == content


def test_a_kill_between_parquet_and_removal_does_not_double_records(written):
    (segment,) = file_names.list_segments(written)
    content = segment.read_bytes()
    compact(written)
    segment.write_bytes(content)  # as if the process was killed before it removed the segment
    assert len(requests(written)) == 5
    compact(written)
    assert file_names.list_segments(written) == []
    assert len(requests(written)) == 5


def test_an_unfinished_parquet_file_is_written_again(written):
    (segment,) = file_names.list_segments(written)
    file_names.unfinished_path(segment.with_suffix(file_names.PARQUET)).write_bytes(b"PAR1 half")
    compact(written)
    assert len(requests(written)) == 5
    assert [path.name for path in written.iterdir()] == [
        segment.with_suffix(file_names.PARQUET).name
    ]


def test_a_segment_with_a_writer_is_not_converted(tmp_path):
    writer = LogWriter(tmp_path, header(), NEVER)
    writer.write([record(0)])
    assert compact(tmp_path) == []
    assert requests(tmp_path) == ["r-0"]
    writer.close()
    assert len(compact(tmp_path)) == 1


def test_rotation_by_size_loses_no_record(tmp_path):
    writer = LogWriter(tmp_path, header(), Rotation(bytes=2_000, seconds=1e9, sync=1e9))
    for number in range(100):
        writer.write([record(number)])
    assert len(file_names.list_segments(tmp_path)) >= 5
    compact(tmp_path)
    writer.close()
    assert requests(tmp_path) == [f"r-{number}" for number in range(100)]


def test_segments_rotate_by_age_without_new_requests(tmp_path):
    writer = LogWriter(tmp_path, header(), Rotation(bytes=2**40, seconds=0.05, sync=0))
    writer.write([record(0)])
    time.sleep(0.1)
    writer.tick()
    assert len(compact(tmp_path)) == 1
    time.sleep(0.1)
    writer.tick()  # without records, the segment is not rotated
    assert len(file_names.list_segments(tmp_path)) == 1
    writer.close()


def test_an_empty_segment_leaves_nothing_behind(tmp_path):
    LogWriter(tmp_path, header(), NEVER).close()
    assert compact(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_empty_segment_that_is_removed_while_the_log_is_read_does_no_harm(written):
    for instance in ("two", "three"):
        writer = LogWriter(written, header(instance), NEVER)
        if instance == "three":
            writer.write([record(5)])
        writer.close()
    reading = read(written)
    found = [next(reading)]
    assert len(compact(written)) == 2
    found += reading
    assert [one["request"] for one in found] == [f"r-{n}" for n in range(6)]


def test_several_classes_and_no_features_become_parquet(tmp_path):
    writer = LogWriter(tmp_path, header(task="multiclass", columns=()), NEVER)
    writer.write([record(0, features=[], score=[0.2, 0.8], id="k-1")])
    writer.close()
    before = list(read(tmp_path))
    compact(tmp_path)
    assert list(read(tmp_path)) == before
    assert before[0]["score"] == [0.2, 0.8]
    assert "features" not in before[0]


def _fill(folder: Path, instance: str, count: int) -> None:
    writer = LogWriter(folder, header(instance), Rotation(bytes=20_000, seconds=1e9, sync=1e9))
    for number in range(count):
        writer.write([record(number, request=f"{instance}-{number}")])
    writer.close()


def test_writers_and_compaction_in_one_folder_neither_lose_nor_double_records(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_fill, args=(tmp_path, f"w{n}", 1_500)) for n in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        compact(tmp_path)
        list(read(tmp_path))
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    compact(tmp_path)
    found = requests(tmp_path)
    assert sorted(found) == sorted(f"w{n}-{i}" for n in range(3) for i in range(1_500))


_COMPACT = [sys.executable, "-m", "sluice.scoring_log.compact"]


def test_a_compaction_killed_at_any_moment_loses_nothing(tmp_path):
    writer = LogWriter(tmp_path, header(), Rotation(bytes=400_000, seconds=1e9, sync=1e9))
    for start in range(0, 12_000, 50):
        writer.write([record(number) for number in range(start, start + 50)])
    writer.close()
    expected = [f"r-{number}" for number in range(12_000)]
    for attempt in range(12):
        started = subprocess.Popen([*_COMPACT, str(tmp_path)])
        time.sleep(0.15 + 0.04 * attempt)
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert requests(tmp_path) == expected
    compact(tmp_path)
    assert requests(tmp_path) == expected
    assert file_names.list_segments(tmp_path) == []


def _limited(folder: Path, limit: int, sent: Any) -> None:
    """Write until the file reaches its limit, then lift the limit and write once more."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writer = LogWriter(folder, header(), NEVER)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    acknowledged, refused = [], 0
    for number in range(100):
        try:
            writer.write([record(number, row=0), record(number, row=1)])
            acknowledged.append(f"r-{number}")
        except LogError:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    writer.write([record(100, row=0), record(100, row=1)])
    writer.close()
    sent.put(([*acknowledged, "r-100"], refused))


@pytest.mark.parametrize("limit", [700, 1_000, 1_234, 5_000])
def test_on_a_full_disk_refused_records_are_not_in_the_log(tmp_path, limit):
    context = multiprocessing.get_context("spawn")
    sent = context.Queue()
    process = context.Process(target=_limited, args=(tmp_path, limit, sent))
    process.start()
    acknowledged, refused = sent.get(timeout=60)
    process.join()
    assert refused > 0
    assert requests(tmp_path) == [name for name in acknowledged for _ in range(2)]


def test_a_folder_that_cannot_be_written_is_a_log_error(tmp_path):
    (tmp_path / "log").write_text("a file")
    with pytest.raises(LogError, match="cannot be written"):
        LogWriter(tmp_path / "log", header(), NEVER)


def test_a_segment_of_a_later_format_is_left_unchanged(tmp_path):
    writer = LogWriter(tmp_path, header(format=99), NEVER)
    writer.write([record(0)])
    writer.close()
    (segment,) = file_names.list_segments(tmp_path)
    content = segment.read_bytes()
    later = LogWriter(tmp_path, header("two"), NEVER)
    later.write([record(1)])
    later.close()
    with pytest.raises(SluiceError, match="format 1"):
        compact(tmp_path)
    assert segment.read_bytes() == content
    assert file_names.list_segments(tmp_path) == [segment]  # the other one was converted


def test_a_log_from_before_x_request_id_is_read_and_converted(tmp_path):
    """Such records have no such field, and such Parquet files no such column."""
    row = [1_700_000_000_000_000, "r-0", 0, None, [0.5, "rot"], 0.25, "no", 0.001]
    content = msgspec.json.encode(row)
    path = file_names.segment_path(tmp_path, 0, "host-1", "one", 1)
    path.write_bytes(line(header()) + b"%08x %b\n" % (zlib.crc32(content), content))
    before = list(read(tmp_path))
    assert [(r["request"], r["x_request_id"]) for r in before] == [("r-0", None)]
    (target,) = compact(tmp_path)
    assert list(read(tmp_path)) == before
    old = parquet.read_table(target).drop_columns("x_request_id")
    parquet.write_table(old, target)
    assert list(read(tmp_path)) == before


def test_a_server_from_before_x_request_id_reads_todays_records():
    class Before(msgspec.Struct, array_like=True):
        time: int
        request: str
        row: int
        id: str | None
        features: list[float | str | None]
        score: float | list[float]
        decision: str | None
        latency: float

    found = msgspec.json.decode(msgspec.json.encode(record(1)), type=Before)
    assert (found.request, found.latency) == ("r-1", 0.001)


def test_damaged_lines_are_counted(written):
    (path,) = file_names.list_segments(written)
    segment = Segment(path)
    assert len(list(segment.records())) == 5
    assert segment.damaged == 0
    path.write_bytes(path.read_bytes().replace(b"r-1", b"r-9"))
    damaged = Segment(path)
    assert len(list(damaged.records())) == 4
    assert damaged.damaged == 1


def test_other_users_cannot_read_segments(written):
    (segment,) = file_names.list_segments(written)
    assert os.stat(segment).st_mode & 0o007 == 0
