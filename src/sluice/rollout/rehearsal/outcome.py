"""The result of a rehearsal, as plain data."""

from __future__ import annotations

import math
from collections import Counter

import msgspec

from sluice.rollout.rehearsal.clients import Sent
from sluice.rollout.state import Change, Phase
from sluice.verdict import Status, Verdict

_ANSWERED = 200
_PERIOD = 1.0  # seconds between two points of the plotted latencies


class Latency(msgspec.Struct, frozen=True):
    """The latencies of the requests sent in one second. at: seconds since the start."""

    at: float
    requests: int
    median: float
    p99: float


class Outcome(msgspec.Struct, frozen=True):
    """A rehearsed rollout.

    champion, candidate: name and version. fault: the injected one, or "none". expected, verdict:
    the right verdict and the actual one. phase, why: those of the final state. rate: requests a
    second. sent, unanswered: requests, and those without a score by their status. repeated: rows
    that were scored twice. strays: requests that reached baseline or canary after a rollback.
    serves: what has all requests at the end. ended: whether every process that was started has
    ended. seconds, slowest: the duration of the rehearsal and of the slowest request. evidence:
    after each interval, by kind of event; the canary is rolled back at rollback_at. changes: with
    times from the start.
    """

    champion: str
    candidate: str
    fault: str
    expected: Status
    verdict: Status
    phase: Phase
    why: str
    rate: float
    steps: tuple[int, ...]
    interval: float
    deadline: float
    sent: int
    unanswered: dict[str, int]
    repeated: int
    strays: int
    serves: str
    ended: bool
    seconds: float
    slowest: float
    judged: Verdict
    evidence: dict[str, tuple[float, ...]]
    rollback_at: dict[str, float]
    changes: tuple[Change, ...]
    latencies: tuple[Latency, ...]

    @property
    def right(self) -> str:
        """The package that must receive all requests at the end."""
        return self.candidate if self.phase is Phase.PROMOTED else self.champion

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is right and no request was lost."""
        lost = bool(self.unanswered) or self.repeated or self.strays
        steady = not lost and self.ended and self.serves == self.right
        return steady and self.verdict is self.expected


def unanswered(sent: list[Sent]) -> dict[str, int]:
    """The requests without a score, by status."""
    missed = Counter(each.status for each in sent if each.status != _ANSWERED)
    return {f"status {s}" if s else "no response": n for s, n in sorted(missed.items())}


def latencies(sent: list[Sent], began: float) -> tuple[Latency, ...]:
    """Median and 99th percentile of the requests of each second."""
    by_second: dict[int, list[float]] = {}
    for each in sent:
        by_second.setdefault(int((each.at - began) // _PERIOD), []).append(each.seconds)
    return tuple(
        Latency(second * _PERIOD, len(of), _quantile(of, 0.5), _quantile(of, 0.99))
        for second, of in sorted(by_second.items())
    )


def since(began: float, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The changes, with times from the start."""
    return tuple(
        msgspec.structs.replace(change, at=round(change.at - began, 3)) for change in changes
    )


def _quantile(values: list[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, math.ceil(share * len(ranked)) - 1)]
