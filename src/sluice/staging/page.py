"""The results as GitHub's Markdown, for the people who decide about the candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sluice import files
from sluice.markdown import EMPTY
from sluice.staging.measurements import MEASURES, LoadResult, Measurements
from sluice.staging.results import LOAD, Results
from sluice.verdict import Bound, Status, Verdict, number

_FINDINGS = 25  # shown on the page
_MARKS = {Status.PASS: "✅", Status.INSUFFICIENT: "⚠️", Status.FAIL: "❌"}
_TITLES = {
    "p50_ms": "median latency, ms",
    "p95_ms": "95th percentile of latency, ms",
    "p99_ms": "99th percentile of latency, ms",
    "throughput": "correct responses per second",
    "memory_mib": "peak memory, MiB",
    "error_rate": "share of failed requests",
}


@dataclass(frozen=True)
class _Row:
    """One measure in words, for candidate and champion."""

    title: str
    candidate: str
    champion: str
    bound: str


def write(path: Path, results: Results) -> None:
    """Write the page."""
    files.write(path, render(results).encode())


def render(results: Results) -> str:
    """The verdicts, the findings that do not pass, and the measurements side by side."""
    from sluice import templates

    measured = results.measurements
    template = templates.markdown("sluice.staging").get_template("staging.md.j2")
    return template.render(
        results=results,
        measured=measured,
        seconds=f"{measured.seconds:g}" if measured else "",
        rows=_rows(measured, results.load) if measured else [],
        not_passed=[f for verdict in results.verdicts for f in verdict.findings if not f.passes],
        server=_server,
        MARKS=_MARKS,
        FINDINGS=_FINDINGS,
    )


def _rows(measured: Measurements, verdict: Verdict) -> list[_Row]:
    bounds = {f.name.removeprefix(f"{LOAD}/"): f.bound for f in verdict.findings}
    return [
        _Row(
            _TITLES[name],
            _shown(measured.candidate, name),
            _shown(measured.champion, name),
            _bound(bounds.get(name)),
        )
        for name in MEASURES
    ]


def _shown(result: LoadResult | None, name: str) -> str:
    value: float | None = getattr(result, name) if result else None
    return EMPTY if value is None else number(value)


def _bound(bound: Bound | None) -> str:
    return EMPTY if bound is None or bound.low is bound.high is None else str(bound)


def _server(result: LoadResult) -> str:
    """A summary of the measurement in one line."""
    how = f"not measured: {result.trouble}" if result.trouble else f"{result.requests:,} requests"
    return f"{result.name} {result.version} as {result.runs_as}, {how}"
