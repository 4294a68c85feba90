"""The verdict on a canary, from what its arms counted in each interval.

The verdict may be computed at any time and any number of times: repeated checks make neither a
false rollback nor a false promotion more likely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice.config import Rollout
from sluice.rollout.counts import Arm, Counts, Interval
from sluice.stats import sequential
from sluice.verdict import Bound, Finding, Status, Verdict, number, plain

GATE = "canary"

LEAST_INTERVALS = 30
_WITHIN = "within the margin"
_RATIO_ALPHA = 0.001
_PROMOTION_ALPHA = 0.025  # for each of the two bounds of a difference
# An interval in which the canary counts as broken, regardless of the statistics of the others.
_DISASTER_REQUESTS, _DISASTER_SHARE, _DISASTER_BASELINE, _DISASTER_INTERVALS = 20, 0.2, 0.05, 2


@dataclass(frozen=True)
class _Kind:
    """One kind of event.

    name: the field of Arm that counts it. title: its name in findings. part: its share of the risk
    of a false rollback. floor: whether differences below the margin never cause a rollback.
    champion: the arms that the canary is compared with for promotion.
    """

    name: str
    title: str
    part: float
    floor: bool
    champion: tuple[str, ...] = ("baseline", "stable")


_KINDS = (
    _Kind("errors", "errors", 0.5, floor=False),
    # A process with little traffic is slower than a busy one, so only the baseline is comparable.
    _Kind("slow", "slow answers", 0.25, floor=True, champion=("baseline",)),
    _Kind("unusual", "unusual scores", 0.25, floor=True),
)


@dataclass(frozen=True)
class _Series:
    """The events of one kind and the requests of an arm, or of several together: [t] each."""

    events: sequential.Counts
    requests: sequential.Counts

    @property
    def share(self) -> float:
        return float(self.events.sum() / self.requests.sum()) if self.requests.sum() else 0.0

    def __str__(self) -> str:
        return f"{int(self.events.sum()):,} of {int(self.requests.sum()):,} requests"


def judge(counts: Counts, settings: Rollout) -> Verdict:
    """Pass: promote the canary. Fail: roll it back. Insufficient: hold its share of the traffic.

    After settings.deadline, `insufficient` means that the canary is rolled back.
    """
    intervals = counts.intervals
    findings = [_equal_shares(intervals), _disaster(intervals)]
    for kind in _KINDS:
        findings.append(_not_worse_than_baseline(kind, intervals, settings))
        findings.append(_within_margin(kind, counts, settings))
    return Verdict.of(GATE, findings)


def needs_only_requests(finding: Finding) -> bool:
    """Whether an `insufficient` finding lacks only requests, and is no evidence against the canary
    or the proxy.
    """
    return finding.status is Status.INSUFFICIENT and finding.name.endswith(_WITHIN)


def evidence(counts: Counts) -> dict[str, tuple[float, ...]]:
    """For each kind of event, the evidence after each interval that the canary is worse."""
    return {kind.title: tuple(map(float, _evidence(kind, counts.intervals))) for kind in _KINDS}


def rollback_at(settings: Rollout) -> dict[str, float]:
    """The evidence at which a canary is rolled back, by kind of event."""
    return {kind.title: 1 / (kind.part * settings.alpha) for kind in _KINDS}


def _evidence(kind: _Kind, intervals: tuple[Interval, ...]) -> sequential.Floats:
    canary, baseline = (_series(intervals, kind, arm) for arm in ("canary", "baseline"))
    both = canary.requests + baseline.requests
    shares = np.divide(canary.requests, both, out=np.full(len(both), 0.5), where=both > 0)
    return sequential.evidence(canary.events, baseline.events, shares)


def _series(intervals: tuple[Interval, ...], kind: _Kind, *arms: str) -> _Series:
    def column(field: str) -> sequential.Counts:
        sums = [sum(getattr(getattr(i, arm), field) for arm in arms) for i in intervals]
        return np.array(sums, np.int64)

    return _Series(column(kind.name), column("requests"))


def _equal_shares(intervals: tuple[Interval, ...]) -> Finding:
    """Check that canary and baseline get equal shares; otherwise requests are lost on the way."""
    canary = sum(interval.canary.requests for interval in intervals)
    baseline = sum(interval.baseline.requests for interval in intervals)
    found = plain(sequential.uneven(canary, baseline))
    bound = Bound("a fixed rule of sluice", high=1 / _RATIO_ALPHA)
    shares = f"the canary got {canary:,} requests and its baseline {baseline:,}"
    name, n = f"{GATE}/equal shares", canary + baseline
    if bound.admits(found):
        return Finding(name, Status.PASS, f"{shares}, equal up to chance", found, n=n, bound=bound)
    why = (
        f"{shares}, which is not due to chance: requests are lost, or the proxy divides them "
        "wrongly; do not raise the weight of the canary until this is corrected"
    )
    return Finding(name, Status.INSUFFICIENT, why, found, n=n, bound=bound)


def _disaster(intervals: tuple[Interval, ...]) -> Finding:
    broken = sum(_is_broken(interval.canary, interval.baseline) for interval in intervals)
    bound = Bound("a fixed rule of sluice", high=_DISASTER_INTERVALS - 1)
    why = (
        f"{broken} intervals in which the canary failed in at least {_DISASTER_SHARE:.0%} of at "
        f"least {_DISASTER_REQUESTS} requests while its baseline did not"
    )
    status = Status.PASS if bound.admits(broken) else Status.FAIL
    return Finding(f"{GATE}/disaster", status, why, broken, n=len(intervals), bound=bound)


def _is_broken(canary: Arm, baseline: Arm) -> bool:
    return (
        canary.requests >= _DISASTER_REQUESTS
        and canary.errors >= _DISASTER_SHARE * canary.requests
        and baseline.requests > 0
        and baseline.errors < _DISASTER_BASELINE * baseline.requests
    )


def _not_worse_than_baseline(
    kind: _Kind, intervals: tuple[Interval, ...], settings: Rollout
) -> Finding:
    """Fail once the evidence of a difference is larger than chance explains."""
    canary, baseline = (_series(intervals, kind, arm) for arm in ("canary", "baseline"))
    largest = plain(float(_evidence(kind, intervals).max(initial=1.0)))
    most = plain(1 / (kind.part * settings.alpha))
    n = int(canary.requests.sum() + baseline.requests.sum())
    bound = Bound("params.yaml: rollout.alpha", high=most)
    name = f"{GATE}/{kind.title} compared with the baseline"
    rates = f"{canary} of the canary and {baseline} of its baseline"
    if bound.admits(largest):
        status, why = Status.PASS, f"{rates}: no difference beyond chance"
    elif kind.floor and canary.share - baseline.share <= settings.margin:
        status = Status.INSUFFICIENT
        why = f"{rates}: more, but by less than the margin of {number(settings.margin)}"
    else:
        status = Status.FAIL
        why = f"{rates}: a healthy canary shows this in fewer than 1 of {most:,.0f} rollouts"
    return Finding(name, status, why, largest, n=n, bound=bound)


def _within_margin(kind: _Kind, counts: Counts, settings: Rollout) -> Finding:
    """Pass once the canary is shown to be at most the margin worse than the champion."""
    canary = _series(counts.intervals, kind, "canary")
    champion = _series(counts.intervals, kind, *kind.champion)
    estimate, low, high = _difference(canary, champion)
    bound = Bound("params.yaml: rollout.margin", high=settings.margin)
    name, n = f"{GATE}/{kind.title} {_WITHIN}", int(canary.requests.sum())
    span = f"{number(estimate)} ({number(low)} to {number(high)}) above the champion's share"
    lacking = max(0, LEAST_INTERVALS - len(counts.intervals))
    if high < settings.margin and not lacking:
        why = f"{span}, within the margin of {number(settings.margin)}"
        return Finding(name, Status.PASS, why, estimate, (low, high), n, bound)
    left = settings.deadline - len(counts.intervals) * counts.seconds
    if left <= 0:
        wait = "the deadline has passed: roll the canary back"
    elif lacking:
        wait = f"{LEAST_INTERVALS} intervals are needed, {len(counts.intervals)} were counted"
    else:
        wait = f"more requests are needed to show that it is below {number(settings.margin)}"
    why = f"{span}; {wait}"
    return Finding(name, Status.INSUFFICIENT, why, estimate, (low, high), n, bound)


def _difference(canary: _Series, champion: _Series) -> tuple[float, float, float]:
    """The canary's share of events minus the champion's, with bounds that are valid at every check.

    The champion's intervals are weighted by the canary's requests in them, so that neither a
    growing weight nor a changing rate of events counts as a difference. The champion's number of
    requests is the effective sample size of these weights (Kish, Survey Sampling, 1965).
    """
    seen = champion.requests > 0
    weights = np.where(seen, canary.requests, 0).astype(float)
    total = float(weights.sum())
    if not total:
        return 0.0, -1.0, 1.0
    weights /= total
    rates = np.divide(champion.events, champion.requests, out=np.zeros(len(seen)), where=seen)
    share = float((weights * rates).sum())
    inverse = np.divide(weights**2, champion.requests, out=np.zeros(len(seen)), where=seen)
    effective = 1 / float(inverse.sum())
    spread = max(sequential.dispersion(arm.events, arm.requests) for arm in (canary, champion))
    events = float(canary.events[seen].sum())
    own = sequential.share_bounds(events / spread, total / spread, _PROMOTION_ALPHA)
    effective /= spread
    theirs = sequential.share_bounds(share * effective, effective, _PROMOTION_ALPHA)
    return plain(events / total - share), plain(own[0] - theirs[1]), plain(own[1] - theirs[0])
