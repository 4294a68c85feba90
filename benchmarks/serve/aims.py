"""The aims of the benchmark, and whether the measured figures meet them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from results import Entry, Results, figures


@dataclass(frozen=True)
class Aim:
    """A figure with its bound, as text."""

    what: str
    bound: str
    measured: str
    met: bool


def aims(results: Results) -> list[Aim]:
    """All aims. An aim whose figures are missing is not met."""
    ours, floor = _only(results, "ours"), _only(results, "floor")
    return [
        _at_least(
            "requests per second at 16 connections, as a multiple of the best peer", 20,
            _ratio(_of(ours, "requests_per_second", 16),
                   _best(_peers(results), max, "requests_per_second", 16)),
        ),
        _at_least(
            "the same, compared with peers that score each request alone", 20,
            _ratio(_of(ours, "requests_per_second", 16),
                   _best(_unbatched(results), max, "requests_per_second", 16)),
        ),
        _at_most(
            "median latency at 1 connection, as a fraction of the best peer", 0.25,
            _ratio(_of(ours, "p50_ms", 1), _best(_peers(results), min, "p50_ms", 1)),
        ),
        _at_least(
            "requests per second at 16 connections, as a fraction of the empty response", 0.6,
            _ratio(_of(ours, "requests_per_second", 16), _of(floor, "requests_per_second", 16)),
        ),
        _at_most("seconds until ready", 1, _of(ours, "seconds_to_ready")),
        _at_most("memory, MB", 150, _of(ours, "memory_mb")),
        *_batch(results),
    ]  # fmt: skip


def _at_least(what: str, bound: float, measured: float | None) -> Aim:
    met = measured is not None and measured >= bound
    return Aim(what, f"at least {bound:g}", _text(measured), met)


def _at_most(what: str, bound: float, measured: float | None) -> Aim:
    met = measured is not None and measured <= bound
    return Aim(what, f"at most {bound:g}", _text(measured), met)


def _text(measured: float | None) -> str:
    return "not measured" if measured is None else f"{measured:.3g}"


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours / theirs


def _of(entry: Entry | None, what: str, connections: int | None = None) -> float | None:
    found = figures(entry, what, connections) if entry else None
    return found.median if found else None


def _batch(results: Results) -> list[Aim]:
    """One aim for each number of rows: the median of the fractions of all rounds."""
    found = {b.rows: [ours / bare for ours, bare in zip(b.command, b.bare, strict=True)]
             for b in results.batch}  # fmt: skip
    what = "batch rows per second, as a fraction of ONNX Runtime alone"
    return [
        _at_least(f"{what}: {rows:,} rows", 0.8, median(fractions))
        for rows, fractions in found.items()
    ] or [_at_least(what, 0.8, None)]


def _peers(results: Results) -> list[Entry]:
    return [entry for entry in results.entries if entry.kind == "peer"]


def _unbatched(results: Results) -> list[Entry]:
    return [peer for peer in _peers(results) if not peer.name.endswith("-batched")]


def _best(
    peers: list[Entry], best: Callable[[Iterable[float]], float], what: str, connections: int
) -> float | None:
    """The best median of these servers."""
    medians = [_of(peer, what, connections) for peer in peers]
    known = [each for each in medians if each is not None]
    return best(known) if known else None


def _only(results: Results, kind: str) -> Entry | None:
    return next((entry for entry in results.entries if entry.kind == kind), None)
