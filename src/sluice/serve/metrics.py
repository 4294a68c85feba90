"""Metrics for Prometheus. The page of any worker covers all workers."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.serve.promised import is_unusual

if TYPE_CHECKING:
    from prometheus_client import Histogram

    from sluice.model import Scores

# If this variable is set when prometheus_client is imported, workers share their values in files.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
PROBABILITIES = tuple(round(0.1 * step, 1) for step in range(1, 11))
# Errors of the server, not of its clients. Each exists from the start, with the value 0:
# Prometheus sees no increase when a counter first appears with the value 1.
OWN_ERRORS = ("internal", "log", "queue_full", "not_ready", "too_many_connections", "too_slow")
ROUTES = ("infer", "score", "about", "health", "metrics", "docs", "other")
TIMED = ("infer", "score")


class Metrics:
    """The metrics of one worker, for one version of one model.

    score_bounds: the upper bounds of the score histogram's buckets. expected: the range of scores
    that is usual for the package; None if unknown.
    """

    def __init__(
        self,
        name: str,
        version: str,
        classes: tuple[str, ...],
        score_bounds: tuple[float, ...],
        expected: tuple[float, float] | None = None,
    ) -> None:
        import prometheus_client as prometheus

        labels = ("model", "version")
        model = {"model": name, "version": version}
        requests = prometheus.Counter(
            "sluice_requests", "Requests answered, by route", (*labels, "route")
        )
        seconds = prometheus.Histogram(
            "sluice_request_duration_seconds",
            "Seconds from the arrival of a request's headers to its response",
            (*labels, "route"),
            buckets=SECONDS,
        )
        self._requests = {route: requests.labels(route=route, **model) for route in ROUTES}
        self._seconds = {route: seconds.labels(route=route, **model) for route in TIMED}
        self._answered: dict[str, list[float]] = {}
        self._rows = prometheus.Counter("sluice_rows", "Rows scored", labels).labels(**model)
        self._score = prometheus.Histogram(
            "sluice_score",
            "Scores; for several classes, the highest probability",
            labels,
            buckets=score_bounds,
        ).labels(**model)
        self._expected = expected
        self._unusual = prometheus.Counter(
            "sluice_unusual_requests",
            "Requests with a score outside the range of the package's recorded scores",
            labels,
        ).labels(**model)
        self._errors = prometheus.Counter(
            "sluice_errors", "Requests refused, by kind of error", (*labels, "kind")
        )
        decisions = prometheus.Counter(
            "sluice_decisions", "Rows by decision", (*labels, "decision")
        )
        self._decisions = [decisions.labels(decision=name, **model) for name in classes]
        self._model = model
        for kind in OWN_ERRORS:
            self._errors.labels(kind=kind, **model)

    def scored(self, scores: Scores, sizes: Sequence[int]) -> None:
        """Count the rows that one call of the model has scored. sizes: the rows of each request in
        it.
        """
        self._rows.inc(len(scores.values))
        highest = scores.values if scores.values.ndim == 1 else scores.values.max(axis=1)
        values = highest.tolist()
        _observe(self._score, values)
        if self._decisions:
            for decision, rows in Counter(scores.decisions.tolist()).items():
                self._decisions[decision].inc(rows)
        if self._expected and is_unusual(highest, self._expected):
            ends = np.cumsum(sizes)[:-1]
            parts = np.split(highest, ends)
            self._unusual.inc(sum(is_unusual(part, self._expected) for part in parts))

    def answered(self, route: str, seconds: float) -> None:
        """Remember one answered request until `count` is called."""
        self._answered.setdefault(route, []).append(seconds)

    def count(self) -> None:
        """Count the remembered requests together, because each change of a counter is written to a
        file.
        """
        answered, self._answered = self._answered, {}
        for route, seconds in answered.items():
            self._requests[route].inc(len(seconds))
            if route in self._seconds:
                _observe(self._seconds[route], seconds)

    def error(self, kind: str) -> None:
        """Count one refused request."""
        self._errors.labels(kind=kind, **self._model).inc()


def _observe(histogram: Histogram, values: Sequence[float]) -> None:
    """Do what `histogram.observe` does for each value, but with one write for each bucket."""
    histogram._sum.inc(sum(values))
    places = Counter(bisect_left(histogram._upper_bounds, value) for value in values)
    for place, count in places.items():
        histogram._buckets[place].inc(count)


class MetricsPage:
    """The page at `/metrics`: the metrics of all workers and their use of the machine.

    free: returns the free bytes on the scoring log's disk; None without a log.
    """

    def __init__(self, free: Callable[[], int] | None) -> None:
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._registry.register(ProcessCollector(free))

    def render(self) -> bytes:
        """The page in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class ProcessCollector:
    """CPU time, memory and open files of all workers together, and the log's free disk space."""

    def __init__(self, free: Callable[[], int] | None) -> None:
        self._free = free

    def collect(self) -> Iterator[Any]:
        """Yield the metrics. prometheus_client calls this for each scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        used = [found for pid in processes() if (found := _process(pid))]
        yield GaugeMetricFamily("sluice_workers", "Worker processes", len(used))
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU seconds used by all workers", sum(u[0] for u in used)
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory of all workers",
            sum(u[1] for u in used),
        )
        yield GaugeMetricFamily(
            "process_open_fds", "Open file handles of all workers", sum(u[2] for u in used)
        )
        if self._free is not None:
            yield GaugeMetricFamily(
                "sluice_log_free_bytes", "Free bytes on the scoring log's disk", self._free()
            )


def processes() -> list[int]:
    """Process ids of the running workers, from the names of the files with their values."""
    names = Path(os.environ[FOLDER]).glob("counter_*.db")
    return sorted(int(path.stem.rpartition("_")[2]) for path in names)


def _process(pid: int) -> tuple[float, int, int] | None:
    """CPU seconds, resident bytes and open files; None for a process that has ended."""
    folder = Path("/proc") / str(pid)
    try:
        after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        files = len(os.listdir(folder / "fd"))
    except (OSError, ValueError):
        return None
    ticks = int(after_name[11]) + int(after_name[12])
    return (
        ticks / os.sysconf("SC_CLK_TCK"),
        int(after_name[21]) * os.sysconf("SC_PAGE_SIZE"),
        files,
    )
