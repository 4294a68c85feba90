"""Segments become Parquet files without a lost or doubled record, even with several writers."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path

from pyarrow import parquet

from sluice.scoring_log import file_names
from sluice.scoring_log.compact import compact
from sluice.scoring_log.reader import read
from sluice.scoring_log.writer import LogWriter, Rotation
from support.scoring_log import NEVER, header, record, requests


def test_parquet_contains_the_same_records_as_the_segment(written):
    before = list(read(written))
    (target,) = compact(written)
    assert file_names.list_segments(written) == []
    assert list(read(written)) == before
    table = parquet.read_table(target)
    assert table.column("host").to_pylist() == ["host-1"] * 5
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


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
