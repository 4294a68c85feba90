"""The results of a benchmark as plain data, from which the page can be written again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Machine:
    """load_average: over one minute, before the benchmark."""

    processor: str
    cores: int
    kernel: str
    python: str
    load_average: float


@dataclass(frozen=True)
class Load:
    """The figures of one load on one server."""

    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Run:
    """One start of a server, with a load at each number of connections."""

    seconds_to_ready: float
    memory_mb: float
    loads: list[Load]


@dataclass(frozen=True)
class Bare:
    """ONNX Runtime called in a loop, one row per call."""

    calls_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Batch:
    """Rows per second in each round, for a file that repeats the data `times` times.

    command: `sluice score` from start to end. started: without its start-up time. bare:
    ONNX Runtime alone, on prepared tensors. peak_mib: peak memory of `sluice score`.
    """

    times: int
    rows: int
    command: list[float]
    started: list[float]
    bare: list[float]
    peak_mib: list[int]


@dataclass
class Entry:
    """The runs of one server.

    not_measured: the reason if it was not measured; its runs then do not count.
    """

    name: str
    title: str
    kind: Literal["ours", "peer", "floor"]
    configuration: str
    versions: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    not_measured: str = ""


@dataclass(frozen=True)
class Results:
    """Everything that one benchmark measured. seconds: the duration of each load."""

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
    """The median of several rounds, with the lowest and the highest value."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread | None:
    """None if there are no values."""
    return Spread(median(values), min(values), max(values)) if values else None


def figures(entry: Entry, what: str, connections: int | None = None) -> Spread | None:
    """The spread of a field of the runs, or of their loads at a number of connections."""
    if entry.not_measured:
        return None
    if connections is None:
        return spread([getattr(run, what) for run in entry.runs])
    loads = [load for run in entry.runs for load in run.loads]
    return spread([getattr(load, what) for load in loads if load.connections == connections])
