"""The results of training and the gates under out/, as far as the report shows them.

The fields have the names of the JSON files; null means a number that is not defined.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from sluice.model import Decision
from sluice.segment_gains import SegmentGain


class Measurement(msgspec.Struct, frozen=True):
    """A number with its confidence interval."""

    estimate: float | None
    low: float | None = None
    high: float | None = None


class CandidateScores(msgspec.Struct, frozen=True):
    """The decision rule of one candidate, and its metrics on the validation rows."""

    decision: Decision
    metrics: dict[str, float | None]


class Selection(msgspec.Struct, frozen=True):
    """The candidates that were compared on the validation rows, and the one `metric` chose."""

    chosen: str
    metric: str
    validation_rows: int
    candidates: dict[str, CandidateScores]


class Performance(msgspec.Struct, frozen=True):
    """Every metric of the chosen candidate on `rows` holdout rows."""

    rows: int
    metrics: dict[str, Measurement]
    baselines: dict[str, float | None] = {}


class OtherSegments(msgspec.Struct, frozen=True):
    """The segments that the model for all rows serves for one reason; `largest` has their names."""

    reason: str
    segments: int
    largest: tuple[str, ...] = ()


class SegmentBars(msgspec.Struct, frozen=True):
    """How many segments gain how much: the edges of k bars [k + 1], and the segments in each [k].

    Both lists are empty if no gain was measured.
    """

    edges: tuple[float, ...] = ()
    segments: tuple[int, ...] = ()


class SegmentResults(msgspec.Struct, frozen=True):
    """The models of segments on the holdout.

    own: how many of the `segments` use their own model. worst: the models in use that gain least.
    """

    column: str
    segments: int
    own: int
    worst: tuple[SegmentGain, ...] = ()
    others: tuple[OtherSegments, ...] = ()
    gains: SegmentBars = SegmentBars()

    @property
    def on_global(self) -> float:
        """The share of segments that the model for all rows serves."""
        return 1 - self.own / self.segments if self.segments else 1.0


class RocPoint(msgspec.Struct, frozen=True):
    """Both rates at one threshold."""

    false_positive_rate: float
    true_positive_rate: float


class PrecisionRecallPoint(msgspec.Struct, frozen=True):
    """Both shares at one threshold."""

    recall: float
    precision: float


class CalibrationGroup(msgspec.Struct, frozen=True):
    """Rows of similar score: their mean score, and the share of them that is positive."""

    score: float
    frequency: float


class CostPoint(msgspec.Struct, frozen=True):
    """The mean cost of a row at one threshold."""

    threshold: float
    cost: float


class ConfusionCell(msgspec.Struct, frozen=True):
    """The number of rows for one pair of actual and predicted class."""

    actual: str
    predicted: str
    rows: int


class ResidualPoint(msgspec.Struct, frozen=True):
    """One row of a regression."""

    predicted: float
    actual: float


class Curves(msgspec.Struct, frozen=True):
    """The data of the plots; a curve is empty if the task has none or its file is missing."""

    roc: tuple[RocPoint, ...] = ()
    precision_recall: tuple[PrecisionRecallPoint, ...] = ()
    calibration: tuple[CalibrationGroup, ...] = ()
    cost: tuple[CostPoint, ...] = ()
    confusion: tuple[ConfusionCell, ...] = ()
    residuals: tuple[ResidualPoint, ...] = ()


class GroupMeasures(msgspec.Struct, frozen=True):
    """The results for one group, by the measure's name."""

    group: str
    rows: int
    measures: dict[str, Measurement]


class GroupComparison(msgspec.Struct, frozen=True):
    """The groups of one sensitive column or of several columns combined.

    between: differences and ratios between the groups, by name.
    """

    columns: tuple[str, ...]
    groups: tuple[GroupMeasures, ...]
    between: dict[str, Measurement] = {}

    @property
    def title(self) -> str:
        """The columns' names, as in the fairness findings."""
        return " & ".join(self.columns)


class ColumnImportance(msgspec.Struct, frozen=True):
    """Mean absolute Shapley value of a column.

    share: its share of the sum over all columns. sign: the effect of a higher value of the column
    on the score.
    """

    column: str
    importance: float
    share: float | None = None
    sign: Literal["raises", "lowers", "mixed"] | None = None


class ColumnEffect(msgspec.Struct, frozen=True):
    """How far one column's value moved one row's score."""

    column: str
    value: str
    contribution: float


class ExplainedRow(msgspec.Struct, frozen=True):
    """One row's score and the columns that moved it most."""

    row: str
    score: float
    because: tuple[ColumnEffect, ...] = ()


class MetricPair(msgspec.Struct, frozen=True):
    """One metric of candidate and champion on the same rows.

    gain: how much better the candidate is, with its interval; negative if it is worse.
    """

    candidate: float | None
    champion: float | None
    gain: float | None
    low: float | None = None
    high: float | None = None


class ChampionComparison(msgspec.Struct, frozen=True):
    """The comparison with the champion; `release` is null if there is no champion yet."""

    release: str | None
    rows: int = 0
    metrics: dict[str, MetricPair] = {}
