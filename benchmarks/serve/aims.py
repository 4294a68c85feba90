"""What the figures are meant to be, and whether they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from results import Entry, Results, figures


@dataclass(frozen=True)
class Aim:
    what: str
    bound: str
    measured: str
    met: bool


def aims(results: Results) -> list[Aim]:
    """An aim whose figures are missing is not met."""
    ours, floor = _only(results, "ours"), _only(results, "floor")
    return [
        _at_least(
            "requests a second at 16 connections, times the best peer's", 20,
            _ratio(_of(ours, "requests_per_second", 16),
                   _best(_peers(results), max, "requests_per_second", 16)),
        ),
        _at_least(
            "the same, of peers that score request by request, without waiting for more", 20,
            _ratio(_of(ours, "requests_per_second", 16),
                   _best(_plain(results), max, "requests_per_second", 16)),
        ),
        _at_most(
            "p50 at one connection, as a part of the best peer's", 0.25,
            _ratio(_of(ours, "p50_ms", 1), _best(_peers(results), min, "p50_ms", 1)),
        ),
        _at_least(
            "requests a second at 16 connections, as a part of the empty reply's", 0.6,
            _ratio(_of(ours, "requests_per_second", 16), _of(floor, "requests_per_second", 16)),
        ),
        _at_most("seconds to ready", 1, _of(ours, "seconds_to_ready")),
        _at_most("memory, MB", 150, _of(ours, "memory_mb")),
        *_batch(results),
    ]  # fmt: skip


def _at_least(what: str, bound: float, measured: float | None) -> Aim:
    met = measured is not None and measured >= bound
    return Aim(what, f"at least {bound:g}", _said(measured), met)


def _at_most(what: str, bound: float, measured: float | None) -> Aim:
    met = measured is not None and measured <= bound
    return Aim(what, f"at most {bound:g}", _said(measured), met)


def _said(measured: float | None) -> str:
    return "not measured" if measured is None else f"{measured:.3g}"


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours / theirs


def _of(entry: Entry | None, what: str, connections: int | None = None) -> float | None:
    found = figures(entry, what, connections) if entry else None
    return found.median if found else None


def _batch(results: Results) -> list[Aim]:
    """One for each size, the parts taken within a repeat."""
    found = {b.rows: [ours / bare for ours, bare in zip(b.command, b.bare, strict=True)]
             for b in results.batch}  # fmt: skip
    what = "batch rows a second, as a part of bare ONNX Runtime's"
    return [
        _at_least(f"{what}: {rows:,} rows", 0.8, median(parts)) for rows, parts in found.items()
    ] or [_at_least(what, 0.8, None)]


def _peers(results: Results) -> list[Entry]:
    return [entry for entry in results.entries if entry.kind == "peer"]


def _plain(results: Results) -> list[Entry]:
    return [peer for peer in _peers(results) if not peer.name.endswith("-batched")]


def _best(
    peers: list[Entry], best: Callable[[Iterable[float]], float], what: str, connections: int
) -> float | None:
    """The best median among these configurations."""
    medians = [_of(peer, what, connections) for peer in peers]
    known = [each for each in medians if each is not None]
    return best(known) if known else None


def _only(results: Results, kind: str) -> Entry | None:
    return next((entry for entry in results.entries if entry.kind == kind), None)
