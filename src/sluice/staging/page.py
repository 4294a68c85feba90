"""The results as a page of GitHub's Markdown, for who decides about the candidate."""

from __future__ import annotations

from pathlib import Path

from sluice import files
from sluice.report import wording
from sluice.report.markdown import escape
from sluice.staging.measurements import MEASURES, LoadResult, Measurements
from sluice.staging.results import LOAD, Results
from sluice.verdict import Bound, Finding, Status, Verdict, number

_SHOWN = 25  # findings on the page
_MARKS = {Status.PASS: "✅", Status.INSUFFICIENT: "⚠️", Status.FAIL: "❌"}
_MEANING = {
    "p50_ms": "median latency, ms",
    "p95_ms": "95th percentile, ms",
    "p99_ms": "99th percentile, ms",
    "throughput": "right answers a second",
    "memory_mib": "peak memory, MiB",
    "error_rate": "share of failed requests",
}


def write(path: Path, results: Results) -> None:
    files.write(path, render(results).encode())


def render(results: Results) -> str:
    """The verdicts, what stops it, and the numbers side by side, for GitHub."""
    mark = "✅" if results.passes else "❌"
    said = "passes" if results.passes else "does not pass"
    parts = [f"## {mark} The candidate {said} in the test environment", _verdicts(results)]
    stopping = [f for verdict in results.verdicts for f in verdict.findings if not f.passes]
    if stopping:
        parts.append(_stopping(stopping))
    if results.measurements:
        parts += [_numbers(results.measurements, results.load), _how(results.measurements)]
    return "\n\n".join(parts) + "\n"


def _verdicts(results: Results) -> str:
    rows = [
        [f"{_MARKS[each.status]} {each.status.value}", escape(each.gate), escape(each.why)]
        for each in results.verdicts
    ]
    return _table(["Verdict", "Gate", "Why"], rows)


def _stopping(findings: list[Finding]) -> str:
    shown = [
        f"- {_MARKS[f.status]} **{escape(f.name)}**: {escape(f.why)}" for f in findings[:_SHOWN]
    ]
    if len(findings) > _SHOWN:
        shown.append(f"- and {len(findings) - _SHOWN:,} more")
    return "\n".join(shown)


def _numbers(measured: Measurements, verdict: Verdict) -> str:
    bounds = {f.name.removeprefix(f"{LOAD}/"): f.bound for f in verdict.findings}
    champion = measured.champion
    rows = [
        [
            _MEANING[name],
            _shown(getattr(measured.candidate, name)),
            _shown(getattr(champion, name) if champion else None),
            _bound(bounds.get(name)),
        ]
        for name in MEASURES
    ]
    return _table(["", "Candidate", "Champion", "Bound"], rows)


def _shown(value: float | None) -> str:
    return EMPTY if value is None else number(value)


def _bound(bound: Bound | None) -> str:
    return EMPTY if bound is None or bound.low is bound.high is None else escape(str(bound))


def _how(measured: Measurements) -> str:
    lines = [
        f"- Load: {measured.connections} connections for {measured.seconds:g} s each, "
        f"{measured.rows} rows a request",
        f"- Candidate: {_one(measured.candidate)}",
    ]
    if measured.champion:
        lines.append(f"- Champion: {_one(measured.champion)}")
    return "\n".join(lines)


def _one(found: LoadResult) -> str:
    asked = f"not measured: {found.trouble}" if found.trouble else f"{found.requests:,} requests"
    return escape(f"{found.name} {found.version} as {found.runs_as}, {asked}")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])
