"""Segments: incomplete lines, damaged records, rotation and full disks."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sluice.scoring_log import file_names
from sluice.scoring_log.compact import compact
from sluice.scoring_log.reader import read
from sluice.scoring_log.record import Segment
from sluice.scoring_log.writer import LogError, LogWriter, Rotation
from support.scoring_log import NEVER, header, record, requests


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
        "segment": None,
    }


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
