"""What Prometheus scrapes: one page for all workers, whichever of them is asked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.model import Scores

# The library decides by this at import how its values are kept.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
PROBABILITIES = tuple(round(0.1 * step, 1) for step in range(1, 11))
ROUTES = ("infer", "score", "about", "health", "metrics", "docs", "other")


class Metrics:
    """Counts for one version of one model. `scores` are the bounds of the score's histogram."""

    def __init__(
        self, name: str, version: str, classes: tuple[str, ...], scores: tuple[float, ...]
    ) -> None:
        import prometheus_client as prometheus

        labels = ("model", "version")
        of = {"model": name, "version": version}
        requests = prometheus.Counter("sluice_requests", "Requests answered", (*labels, "route"))
        seconds = prometheus.Histogram(
            "sluice_request_duration_seconds",
            "From a request's headers to its answer",
            (*labels, "route"),
            buckets=SECONDS,
        )
        self.requests = {route: requests.labels(route=route, **of) for route in ROUTES}
        self.seconds = {route: seconds.labels(route=route, **of) for route in ("infer", "score")}
        self._rows = prometheus.Counter("sluice_rows", "Rows scored", labels).labels(**of)
        self._score = prometheus.Histogram(
            "sluice_score", "Scores; of a multi-class model the highest", labels, buckets=scores
        ).labels(**of)
        self._errors = prometheus.Counter("sluice_errors", "Requests refused", (*labels, "kind"))
        decisions = prometheus.Counter("sluice_decisions", "Decisions made", (*labels, "decision"))
        self._decisions = [decisions.labels(decision=name, **of) for name in classes]
        self._of = of

    def scored(self, scores: Scores) -> None:
        self._rows.inc(len(scores.values))
        values = scores.values if scores.values.ndim == 1 else scores.values.max(axis=1)
        for value in values.tolist():
            self._score.observe(value)
        if self._decisions:
            for decision, rows in Counter(scores.decisions.tolist()).items():
                self._decisions[decision].inc(rows)

    def error(self, kind: str) -> None:
        self._errors.labels(kind=kind, **self._of).inc()


class MetricsPage:
    """Renders the metrics of every worker, and what the server uses of the machine."""

    def __init__(self, free: Callable[[], int] | None) -> None:
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._registry.register(ProcessCollector(free))

    def render(self) -> bytes:
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class ProcessCollector:
    """CPU, memory and file handles of the server's processes in all, and the log's disk."""

    def __init__(self, free: Callable[[], int] | None) -> None:
        self._free = free

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        used = [found for pid in processes() if (found := _process(pid))]
        yield GaugeMetricFamily("sluice_workers", "Processes that score", len(used))
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU time of all processes", sum(u[0] for u in used)
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes", "Memory of all processes", sum(u[1] for u in used)
        )
        yield GaugeMetricFamily(
            "process_open_fds", "File handles open in all processes", sum(u[2] for u in used)
        )
        if self._free is not None:
            yield GaugeMetricFamily("sluice_log_free_bytes", "Left on the log's disk", self._free())


def processes() -> list[int]:
    """The workers that run now, by the files that they hold their values in."""
    names = Path(os.environ[FOLDER]).glob("counter_*.db")
    return sorted(int(path.stem.rpartition("_")[2]) for path in names)


def _process(pid: int) -> tuple[float, int, int] | None:
    """CPU seconds, resident bytes and open files; None for a process that is gone."""
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
