"""A segment's lines: a checksum, a space, JSON. The first one is the header."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from sluice.task import Task

FORMAT = 1
# What the header says of every record.
SHARED = ("host", "instance", "package", "version", "digest")


class LoggedColumn(msgspec.Struct, frozen=True, array_like=True):
    name: str
    type: Literal["number", "category"]


class SegmentHeader(msgspec.Struct, frozen=True):
    """What all records of a segment share. `columns` are the features that are logged."""

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

    time: microseconds since 1970, UTC. row: its position in the request. id: its
    id column, if one came. features: in the order of the header's columns, null
    for missing. score: one number, or one for each class. latency: seconds from
    the request's arrival until this was written.
    """

    time: int
    request: str
    row: int
    id: str | None
    features: list[float | str | None]
    score: float | list[float]
    decision: str | None
    latency: float


_encode = msgspec.json.Encoder().encode
_header = msgspec.json.Decoder(SegmentHeader)
_record = msgspec.json.Decoder(LogRecord)


def line(item: SegmentHeader | LogRecord) -> bytes:
    text = _encode(item)
    return b"%08x %b\n" % (zlib.crc32(text), text)


@dataclass
class Segment:
    """A segment as it is read. `damaged` counts broken lines other than a torn tail."""

    path: Path
    header: SegmentHeader | None = None
    damaged: int = 0

    def records(self) -> Iterator[LogRecord]:
        """The whole records, in order; the header is known once the first has come.

        A last line that was not finished is a record that was never acknowledged.
        """
        with self.path.open("rb") as lines:
            for position, text in enumerate(lines):
                content = _whole(text)
                if content is None:
                    self.damaged += text.endswith(b"\n")
                elif position == 0:
                    self.header = _header.decode(content)
                else:
                    yield _record.decode(content)


def _whole(text: bytes) -> bytes | None:
    checksum, content = text[:8], text[9:-1]
    whole = text.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(content)
    return content if whole else None
