"""The result of the comparison with the truth, as plain data for the report."""

from __future__ import annotations

import msgspec

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
