"""Logs that an earlier or a later version has written."""

from __future__ import annotations

import zlib

import msgspec
import pytest
from pyarrow import parquet

from sluice.errors import SluiceError
from sluice.scoring_log import file_names
from sluice.scoring_log.compact import compact
from sluice.scoring_log.reader import read
from sluice.scoring_log.record import line
from sluice.scoring_log.writer import LogWriter
from support.scoring_log import NEVER, header, record


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
    assert file_names.list_segments(tmp_path) == [segment]  # the other segment was converted


def test_a_log_from_before_x_request_id_is_read_and_converted(tmp_path):
    """Records and Parquet files of that time lack `x_request_id`."""
    row = [1_700_000_000_000_000, "r-0", 0, None, [0.5, "rot"], 0.25, "no", 0.001]
    content = msgspec.json.encode(row)
    path = file_names.segment_path(tmp_path, 0, "host-1", "one", 1)
    path.write_bytes(line(header()) + b"%08x %b\n" % (zlib.crc32(content), content))
    before = list(read(tmp_path))
    assert [(r["request"], r["x_request_id"]) for r in before] == [("r-0", None)]
    (target,) = compact(tmp_path)
    assert list(read(tmp_path)) == before
    old = parquet.read_table(target).drop_columns(["x_request_id", "segment"])
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
