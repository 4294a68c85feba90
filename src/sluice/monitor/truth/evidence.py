"""The result of the comparison with the truth, as plain data for the report."""

from __future__ import annotations

import msgspec

from sluice.verdict import Status

Span = tuple[float | None, float | None, float | None]  # estimate, low, high


class Week(msgspec.Struct, frozen=True):
    """The rows that were scored in seven days, the last of which is `last` (days since 1970).

    judged: whether enough of their labels have arrived. value: the selection's metric.
    """

    last: int
    scored: int
    labelled: int
    judged: bool
    value: Span = (None, None, None)


class MetricNow(msgspec.Struct, frozen=True):
    """A metric of the labelled rows; promised: on the holdout, when the package was built."""

    name: str
    now: Span
    promised: Span = (None, None, None)


class SegmentNow(msgspec.Struct, frozen=True):
    """The change of a segment's mean loss since the holdout, shrunken towards that of all segments.

    error: its standard deviation. worse: the probability that it is larger than the margin.
    """

    name: str
    rows: int
    status: Status
    change: float
    error: float
    worse: float


class SegmentsNow(msgspec.Struct, frozen=True):
    """The segments of the model with the true outcomes.

    worse: how many have a loss that increased by more than `margin`. unknown: how many have too few
    labels, and unknown_share the share of the labelled rows in them. worst: some, the worst first.
    """

    segments: int
    worse: int
    unknown: int
    unknown_share: float
    margin: float
    worst: tuple[SegmentNow, ...]


class Truth(msgspec.Struct, frozen=True):
    """rows: labelled and judged. usable: all labelled rows. labels: lines of the file. coverage:
    the share of scored rows in bands of the score that have labels. without_labels: the selection's
    metric as estimated from the scores alone, assuming that outcomes have not changed.
    """

    metric: str
    rows: int
    usable: int
    labels: int
    corrected: int
    left_out: dict[str, int]
    coverage: float | None
    weeks: tuple[Week, ...]
    metrics: tuple[MetricNow, ...]
    without_labels: float | None = None
    without_labels_promised: float | None = None
    segments: SegmentsNow | None = None
