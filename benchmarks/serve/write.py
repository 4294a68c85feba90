"""The page and the printed tables: pure functions of the results."""

from __future__ import annotations

from collections.abc import Callable

from aims import Aim, aims
from results import Bare, Batch, Entry, Results, Spread, figures, spread

Table = list[list[str]]

_PAGE = """\
# Benchmarks

Written by `make bench-serve`; the figures are medians, in brackets the lowest and the highest
of {rounds}.

Machine: {machine.processor}, {machine.cores} cores, {machine.kernel}, Python {machine.python};
load average before the run {machine.load_average:.2f}.
Package: `{package}`.

Every server answers for the same fitted pipeline, one row a request in its own JSON format, and is
measured only if its answers are the pipeline's `predict_proba` to 1e-6. In each of the {rounds}
every server is started anew on one core and pressed by `wrk` on the other, {seconds} s at each
number of connections after a warm-up; one answer that is no success voids it. Memory is the
proportional set size (PSS) of the server's whole process tree after the load, ready is the time
from its start to the first 200 of its readiness address. Peers whose code is written here get the
row as a pandas frame, as the pipeline was fitted with.

{tables}
"""


def page(results: Results) -> str:
    return _PAGE.format(
        machine=results.machine,
        package=results.package,
        rounds=_rounds(results),
        seconds=results.seconds,
        tables=tables(results),
    )


def tables(results: Results) -> str:
    made = {
        "Aims": _aims(aims(results)),
        "Requests a second": _by_connections(results, ["requests_per_second"]),
        "Latency in milliseconds": _by_connections(results, ["p50_ms", "p99_ms"]),
        "Start-up and memory": _servers(results),
        "Batch, Parquet to Parquet": _batch(results.batch),
        "Floor: ONNX Runtime called bare, one row a call": _bare(results),
        "Configurations and versions": _configurations(results.entries),
        "Not measured": _refused(results.entries),
    }
    return "\n\n".join(f"## {title}\n\n{_markdown(t)}" for title, t in made.items() if len(t) > 1)


def line(entry: Entry) -> str:
    """The latest run in one line."""
    if entry.refused:
        return f"{entry.name}: not measured: {entry.refused}"
    run = entry.runs[-1]
    loads = ", ".join(
        f"{load.connections}: {load.requests_per_second:,.0f}/s p50 {load.p50_ms:.2f} ms"
        for load in run.loads
    )
    return f"{entry.name}: {loads}; ready {run.seconds_to_ready:.2f} s, {run.memory_mb:.0f} MB"


def _aims(found: list[Aim]) -> Table:
    return [
        ["aim", "bound", "measured", "met"],
        *([aim.what, aim.bound, aim.measured, "yes" if aim.met else "**no**"] for aim in found),
    ]


def _by_connections(results: Results, fields: list[str]) -> Table:
    names = {"requests_per_second": "", "p50_ms": "p50, ", "p99_ms": "p99, "}
    columns = [(what, count) for count in results.connections for what in fields]
    heads = [f"{names[what]}{count} connection{'s'[: count > 1]}" for what, count in columns]
    return [
        ["server", *heads],
        *([e.title, *(_cell(figures(e, *c)) for c in columns)] for e in _measured(results)),
    ]


def _servers(results: Results) -> Table:
    fields = ["seconds_to_ready", "memory_mb"]
    return [
        ["server", "ready, s", "memory, MB"],
        *([e.title, *(_cell(figures(e, what)) for what in fields)] for e in _measured(results)),
    ]


def _bare(results: Results) -> Table:
    fields: dict[str, Callable[[Bare], float]] = {
        "calls a second": lambda bare: bare.calls_per_second,
        "p50, ms": lambda bare: bare.p50_ms,
        "p99, ms": lambda bare: bare.p99_ms,
    }
    return [
        list(fields),
        [_cell(spread([get(bare) for bare in results.bare])) for get in fields.values()],
    ]


def _batch(found: list[Batch]) -> Table:
    return [
        [
            "rows", "sluice score, rows a second", "once it has started", "bare ONNX Runtime",
            "peak, MiB",
        ],
        *(
            [f"{b.rows:,}", *(_cell(spread(v)) for v in (b.command, b.started, b.bare, b.peak_mib))]
            for b in found
        ),
    ]  # fmt: skip


def _configurations(entries: list[Entry]) -> Table:
    return [
        ["server", "configuration", "versions"],
        *([e.title, e.configuration, _versions(e.versions)] for e in entries),
    ]


def _refused(entries: list[Entry]) -> Table:
    return [["server", "why"], *([e.title, e.refused] for e in entries if e.refused)]


def _measured(results: Results) -> list[Entry]:
    return [entry for entry in results.entries if not entry.refused]


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _cell(found: Spread | None) -> str:
    if found is None:
        return ""
    middle, low, high = map(_number, (found.median, found.low, found.high))
    return f"{middle} ({low} to {high})"


def _number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _rounds(results: Results) -> str:
    return f"{results.rounds} round{'s'[: results.rounds > 1]}"


def _markdown(table: Table) -> str:
    head, *rows = [[" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in table]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
