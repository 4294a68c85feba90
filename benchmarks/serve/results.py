"""What a benchmark ends in: plain data, from which the page can be written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    kernel: str
    python: str
    load_average: float


@dataclass(frozen=True)
class Load:
    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Run:
    """One server, started once and pressed at each number of connections."""

    seconds_to_ready: float
    memory_mb: float
    loads: list[Load]


@dataclass(frozen=True)
class Bare:
    """ONNX Runtime called in a loop, one row a call."""

    calls_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Batch:
    """Rows a second of each repeat, on a file of so many times the rows.

    command: `sluice score` from start to end; started: without its start-up; bare:
    ONNX Runtime called with tensors that lie ready.
    """

    times: int
    rows: int
    command: list[float]
    started: list[float]
    bare: list[float]
    peak_mib: list[int]


@dataclass
class Entry:
    """refused: why it was not measured (further); what was measured before is void."""

    name: str
    title: str
    kind: Literal["ours", "peer", "floor"]
    configuration: str
    versions: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    refused: str = ""


@dataclass(frozen=True)
class Results:
    machine: Machine
    package: str
    rounds: int
    seconds: int
    connections: list[int]
    entries: list[Entry]
    bare: list[Bare]
    batch: list[Batch]


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    return Spread(median(values), min(values), max(values)) if values else None


def figures(entry: Entry, what: str, connections: int | None = None) -> Spread | None:
    """A field of the runs, or of their loads at so many connections."""
    if entry.refused:
        return None
    if connections is None:
        return spread([getattr(run, what) for run in entry.runs])
    loads = [load for run in entry.runs for load in run.loads]
    return spread([getattr(load, what) for load in loads if load.connections == connections])
