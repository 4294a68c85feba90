"""The format of segments. A line is a checksum, a space and JSON; the first is the header."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from sluice.task import Task

FORMAT = 1
# The fields of the header that are part of every record that is read.
SHARED = ("host", "instance", "package", "version", "digest")


class LoggedColumn(msgspec.Struct, frozen=True, array_like=True):
    """An input column whose values are in the log."""

    name: str
    type: Literal["number", "category"]


class SegmentHeader(msgspec.Struct, frozen=True):
    """What all records of a segment have in common. columns: the logged input columns."""

    package: str
    version: str
    digest: str
    host: str
    instance: str
    task: Task
    classes: tuple[str, ...]
    columns: tuple[LoggedColumn, ...]
    format: int = FORMAT


class LogRecord(msgspec.Struct, frozen=True, array_like=True):
    """One scored row.

    time: microseconds since 1970, UTC. request: the request's id. row: its position
    in the request. id: the value of the id column, if the request had one. features:
    values in the order of the header's columns, None for missing ones. score: one
    number, or one for each class. latency: seconds from the arrival of the request's
    headers until the record was made. x_request_id: the id of the HTTP request, which all attempts
    of a retrying proxy share; None in segments of servers that did not write it. segment: the value
    of the model's segment column whose own model gave the score; None for the model for all rows.
    """

    time: int
    request: str
    row: int
    id: str | None
    features: list[float | str | None]
    score: float | list[float]
    decision: str | None
    latency: float
    x_request_id: str | None = None
    segment: str | None = None


_encode = msgspec.json.Encoder().encode
_header = msgspec.json.Decoder(SegmentHeader)
_record = msgspec.json.Decoder(LogRecord)


def line(item: SegmentHeader | LogRecord) -> bytes:
    """The line of a segment for a header or a record."""
    text = _encode(item)
    return b"%08x %b\n" % (zlib.crc32(text), text)


@dataclass
class Segment:
    """Reads one segment. damaged: how many complete lines had a wrong checksum so far."""

    path: Path
    header: SegmentHeader | None = None
    damaged: int = 0

    def records(self) -> Iterator[LogRecord]:
        """The intact records in order. `header` is set once the first one is returned.

        An incomplete last line is ignored: its request was never acknowledged.
        """
        with self.path.open("rb") as lines:
            for position, text in enumerate(lines):
                content = _content(text)
                if content is None:
                    self.damaged += text.endswith(b"\n")
                elif position == 0:
                    self.header = _header.decode(content)
                else:
                    yield _record.decode(content)


def _content(text: bytes) -> bytes | None:
    """The JSON of a line; None if the line is incomplete or its checksum is wrong."""
    checksum, content = text[:8], text[9:-1]
    intact = text.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(content)
    return content if intact else None
