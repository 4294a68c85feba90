"""Performance with the true outcomes in each segment.

A segment has few labels, so all segments are judged together. The loss of a row is compared with
what its score predicts, and the segment's mean with that on the holdout. Both the holdout's means
and the changes are shrunken towards those of all segments (empirical Bayes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sluice.metrics import Floats, Ints
from sluice.monitor import segment_drift
from sluice.monitor.segment_drift import named, title
from sluice.monitor.truth.context import Context
from sluice.monitor.truth.evidence import SegmentNow, SegmentsNow
from sluice.monitor.truth.join import Joined
from sluice.monitor.truth.judge import LOOKS
from sluice.segment_gains import means, surprises
from sluice.sketch.segments import SegmentCounts, SegmentReference
from sluice.stats.shrinkage import prior, shrunken
from sluice.stats.two_sample import rejected
from sluice.verdict import Bound, Finding, Status, number, plain

NAME = "ground-truth/loss by segment"
_MARGIN = 0.1  # the tolerated increase, as a share of the mean loss on the holdout
_SURE = 0.9
_POWER = 0.8
_REPORTED = 15


@dataclass(frozen=True)
class Changes:
    """The changes of the mean loss of all k segments, each [k].

    rows: the number of labelled rows. status: the status of each segment. change, error: the
    shrunken change and its standard deviation; NaN if not known. worse: the probability that the
    loss increased by more than the margin.
    """

    rows: Ints
    status: tuple[Status, ...]
    change: Floats
    error: Floats
    worse: Floats


def measure(context: Context, rows: Joined) -> tuple[list[Finding], SegmentsNow | None]:
    """One finding on all segments, and its evidence; nothing if there are no segments.

    rows: the labelled records of the weeks that are judged.
    """
    reference = context.reference.segments
    if context.settings.segment_column is None:
        return [], None
    if reference is None:
        why = "the package has no counts of its segments: build it again"
        return [Finding(NAME, Status.INSUFFICIENT, why, n=0)], None
    named_ = rows.rows(rows.segments >= 0)
    surprise, variance = surprises(context.settings.task, named_.truth, named_.scores)
    now = means(named_.segments, surprise, variance, len(reference.segments))
    rate = context.settings.monitor.false_alarms_a_year / LOOKS
    found = changes(reference, *now, rate=rate)
    evidence = _evidence(reference, found)
    left_out = len(rows.truth) - len(named_.truth)
    return [_finding(context, found, evidence, left_out)], evidence


def changes(
    reference: SegmentReference, rows: Ints, now: Floats, error: Floats, *, rate: float
) -> Changes:
    """Judge the change of each segment's mean loss `now` since the holdout.

    rows, now, error: [k] as from `segment_gains.means`. rate: the false discovery rate of alarms
    (Benjamini and Hochberg), with the hypothesis of an increase by at most the margin. A segment
    passes if the probability of a larger increase is small, and if a doubled loss would raise an
    alarm.
    """
    from scipy.special import ndtr, ndtri, stdtr

    margin = _MARGIN * reference.loss
    promise, doubt = _promised(reference.segments)
    both = np.sqrt(error**2 + doubt**2)
    known = np.isfinite(both)
    change, spread, worse = (np.full(len(rows), np.nan) for _ in range(3))
    alarm = np.zeros(len(rows), bool)
    if known.any():
        raw = (now - promise)[known]
        change[known], spread[known] = shrunken(raw, both[known])
        worse[known] = ndtr((change - margin)[known] / spread[known])
        chance = stdtr(rows[known] - 1, (margin - raw) / both[known])
        alarm[known] = rejected(chance, rate)
    finds = both * -(ndtri(rate / len(rows)) + ndtri(1 - _POWER)) < reference.loss - margin
    status = tuple(
        Status.FAIL if bad else Status.PASS if good else Status.INSUFFICIENT
        for bad, good in zip(alarm, finds & (worse < 1 - _SURE), strict=True)
    )
    return Changes(rows, status, change, spread, worse)


def _promised(reference: Sequence[SegmentCounts]) -> tuple[Floats, Floats]:
    """The mean loss of each segment on the holdout, shrunken, and its standard deviation: [k].

    A segment with too few holdout rows is expected to be like the others.
    """
    errors = np.array([np.inf if one.error is None else one.error for one in reference])
    estimates = np.array([0.0 if one.loss is None else one.loss for one in reference])
    known = np.isfinite(errors)
    if not known.any():
        return np.zeros(len(reference)), np.full(len(reference), np.inf)
    common = prior(estimates[known], errors[known])
    center, between = common
    of_center = ((1 / (errors[known] ** 2 + between)).sum()) ** -0.5
    promise = np.full(len(reference), center)
    doubt = np.full(len(reference), np.hypot(of_center, between**0.5))
    promise[known], doubt[known] = shrunken(estimates[known], errors[known], common)
    return promise, doubt


def _evidence(reference: SegmentReference, found: Changes) -> SegmentsNow:
    order = sorted(
        np.flatnonzero(np.isfinite(found.change)).tolist(),
        key=lambda at: (found.status[at] is not Status.FAIL, -found.worse[at], -found.change[at]),
    )
    rows = int(found.rows.sum())
    unknown = [at for at, status in enumerate(found.status) if status is Status.INSUFFICIENT]
    share = sum(int(found.rows[at]) for at in unknown) / rows if rows else 1.0
    return SegmentsNow(
        len(found.rows),
        sum(status is Status.FAIL for status in found.status),
        len(unknown),
        plain(share),
        plain(_MARGIN * reference.loss),
        tuple(
            SegmentNow(
                title(reference.segments[at].name),
                int(found.rows[at]),
                found.status[at],
                plain(float(found.change[at])),
                plain(float(found.error[at])),
                plain(float(found.worse[at])),
            )
            for at in order[:_REPORTED]
        ),
    )


def _finding(context: Context, found: Changes, evidence: SegmentsNow, left_out: int) -> Finding:
    n = int(found.rows.sum())
    bound = Bound("a fixed rule of sluice, times the holdout's mean loss", high=evidence.margin)
    known = f"{evidence.unknown:,} of {evidence.segments:,} segments, with "
    known += f"{evidence.unknown_share:.1%} of the labelled rows, have too few labels to say"
    if left_out:
        known += f"; {left_out:,} labelled rows are from servers that did not log the segment"
    expected = "on the holdout" if context.settings.task == "regression" else "their scores predict"
    largest = evidence.worst[0].change if evidence.worst else None
    if evidence.worse:
        told = [
            f"{one.name} (by {number(one.change)}, {one.rows:,} rows)"
            for one in evidence.worst[: evidence.worse]
        ]
        told += [""] * (evidence.worse - len(told))
        why = f"the loss of {evidence.worse:,} of {evidence.segments:,} segments is higher than "
        why += f"{expected}: {named(told)}; {known}"
        return Finding(NAME, Status.FAIL, why, largest, n=n, bound=bound)
    few = evidence.unknown_share > segment_drift.MOST_UNKNOWN
    status = Status.INSUFFICIENT if few else Status.PASS
    why = f"no segment's loss is shown to be higher than {expected} by more than "
    why += f"{number(evidence.margin)}; {known}"
    return Finding(NAME, status, why, largest, n=n, bound=bound)
