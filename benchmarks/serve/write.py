"""Writes the page and the printed tables from the results."""

from __future__ import annotations

from collections.abc import Callable

from aims import Aim, aims
from results import Bare, Batch, Entry, Results, Spread, figures, spread

Table = list[list[str]]

_ROLLOUT = "## Rollout on one machine\n"
_PAGE = """\
# Benchmarks

`make bench-serve` measures these figures and writes this page. Each figure is the median of
{rounds}, followed by the lowest and the highest value in brackets.

Machine: {machine.processor}, {machine.cores} cores, {machine.kernel}, Python {machine.python}.
The load average before the run was {machine.load_average:.2f}. Package: `{package}`.

All servers serve the same fitted pipeline. A request has one row, in the server's own JSON format.
A server is measured only if its probabilities differ from the pipeline's `predict_proba` by at most
1e-6. Each round starts every server afresh on one core; `wrk` sends requests from the other core,
for {seconds} s at each number of connections, after a warm-up. If any response is an error, the
server is not measured. *Memory* is the proportional set size (PSS) of all the server's processes
after the load. *Ready* is the time from the start until the readiness check succeeds. Where the
code of a peer's service is our own, it passes each row to the pipeline as a pandas data frame, as
in training.

[What a request costs](request-cost.md) says where its time goes.

{tables}
"""


def page(results: Results) -> str:
    """The whole page in Markdown."""
    return _PAGE.format(
        machine=results.machine,
        package=results.package,
        rounds=_rounds(results),
        seconds=results.seconds,
        tables=tables(results),
    )


def rollout(page: str) -> str:
    """The section that `make bench-rollout` has written at the end of the page; may be empty."""
    _, mark, section = page.partition(_ROLLOUT)
    return f"\n{mark}{section}" if mark else ""


def tables(results: Results) -> str:
    """All tables that have rows, with their titles, in Markdown."""
    made = {
        "Aims": _aims(aims(results)),
        "Requests per second": _by_connections(results, ["requests_per_second"]),
        "Latency in milliseconds": _by_connections(results, ["p50_ms", "p99_ms"]),
        "Start-up and memory": _servers(results),
        "Batch, Parquet to Parquet": _batch(results.batch),
        "Lower bound: ONNX Runtime alone, one row per call": _bare(results),
        "Configurations and versions": _configurations(results.entries),
        "Not measured": _not_measured(results.entries),
    }
    return "\n\n".join(f"## {title}\n\n{_markdown(t)}" for title, t in made.items() if len(t) > 1)


def line(entry: Entry) -> str:
    """An entry's latest run in one line."""
    if entry.not_measured:
        return f"{entry.name}: not measured: {entry.not_measured}"
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
        "calls per second": lambda bare: bare.calls_per_second,
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
            "rows", "sluice score, rows per second", "without start-up", "ONNX Runtime alone",
            "peak memory, MiB",
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


def _not_measured(entries: list[Entry]) -> Table:
    return [["server", "why"], *([e.title, e.not_measured] for e in entries if e.not_measured)]


def _measured(results: Results) -> list[Entry]:
    return [entry for entry in results.entries if not entry.not_measured]


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _cell(found: Spread | None) -> str:
    if found is None:
        return ""
    middle, low, high = map(_number, (found.median, found.low, found.high))
    return f"{middle} ({low} to {high})"


def _number(value: float) -> str:
    """Format a number with at least three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _rounds(results: Results) -> str:
    return f"{results.rounds} round{'s'[: results.rounds > 1]}"


def _markdown(table: Table) -> str:
    head, *rows = [[" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in table]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
