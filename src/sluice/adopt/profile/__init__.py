"""What a table contains: the task, and the role, type and range of each column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sluice.check.entities import Entities
from sluice.config import Groups, Scalar
from sluice.labels import label
from sluice.task import Task

ColumnType = Literal["integer", "number", "category", "text"]
_FEW_UNITS = 1000
MOST_TRAINED = 2_000_000  # rows; the models hardly gain from more
_LATEST_UNITS = 5  # with fewer groups, the latest rows might by chance contain none at all

ColumnUse = Literal["feature", "ignored"]


@dataclass(frozen=True)
class ColumnProfile:
    """One column as params.yaml will describe it.

    levels: the values of a category that the model distinguishes, if it may have other values too.
    missing: the share of missing values that is allowed. mostly: the share of values that must be
    known, if it differs from the table's. remark: a sentence about how the column was treated and
    why, or an empty text.
    """

    name: str
    type: ColumnType
    use: ColumnUse = "feature"
    low: float | int | None = None
    high: float | int | None = None
    values: tuple[Scalar, ...] = ()
    levels: tuple[Scalar, ...] = ()
    missing: float = 0.0
    mostly: float | None = None
    remark: str = ""


@dataclass(frozen=True)
class TableProfile:
    """A table, its columns, and the groups of its sensitive columns.

    heavy_tailed: one percent of the rows accounts for more than a third of the target's variance.
    rare_positives: the share of positive rows if it is below ten percent, else None. suspects:
    the columns that were left out because they may be leaks or proxies, with the reasons.
    group, by_time: what params.yaml will say under split, where the group may be `none`.
    groups: the number of distinct values of `group`. dates: columns that could order the rows.
    entities: columns whose equal values seem to mark rows of one entity. without_target: the rows
    of the file that were left out, because they have no target. attributes: sensitive columns
    that form one attribute, as params.yaml will say under data. segments: the column whose values
    get models of their own. segment_rows: about how many training rows each value has.
    """

    name: str
    task: Task
    target: str
    positive: Scalar | None
    id: str | None
    sensitive: dict[str, Groups]
    columns: tuple[ColumnProfile, ...]
    rows: int
    heavy_tailed: bool
    rare_positives: float | None
    suspects: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    by_time: str | None = None
    groups: int | None = None
    dates: tuple[str, ...] = ()
    entities: Entities | None = None
    without_target: int = 0
    attributes: Mapping[str, Mapping[str, Scalar]] = field(default_factory=dict)
    segments: str | None = None
    segment_rows: tuple[int, ...] = ()

    def leaving_out(self, suspects: dict[str, str]) -> TableProfile:
        """Return the profile without these inputs; each has a remark that says why."""
        columns = tuple(
            replace(column, use="ignored", remark=suspects[column.name])
            if column.name in suspects
            else column
            for column in self.columns
        )
        return replace(self, columns=columns, suspects=suspects)

    def with_uses(self, uses: Mapping[str, ColumnUse]) -> TableProfile:
        """Return the profile with the uses of columns that a person has set."""
        columns = tuple(
            replace(column, use=uses[column.name], remark="its use was set by a person")
            if uses.get(column.name, column.use) != column.use
            else column
            for column in self.columns
        )
        return replace(self, columns=columns)

    def with_entities(self, entities: Entities | None) -> TableProfile:
        """Return the profile with the columns that seem to identify an entity."""
        return replace(self, entities=entities)

    def for_all_rows(self) -> TableProfile:
        """Return the profile that the model for all rows needs: without the segments."""
        columns = tuple(
            replace(c, use="ignored") if c.name == self.segments else c for c in self.columns
        )
        return replace(self, columns=columns, segments=None)

    @property
    def validation(self) -> float:
        """The share of rows on which a candidate is chosen."""
        return 0.2

    @property
    def holdout(self) -> float:
        """The share of rows to hold out."""
        return holdout_share(self.groups or self.rows)

    @property
    def latest(self) -> float:
        """The share of rows that count as the latest ones."""
        units = self.groups or self.rows
        if units < _FEW_UNITS:
            return round(max(0.05, min(0.15, _LATEST_UNITS / units)), 2)
        return 0.02

    @property
    def train_rows(self) -> int | None:
        """How many training rows to use at most, if there are more than the models need.

        The models of segments need the rows of each segment.
        """
        if self.segments is not None:
            return None
        left = 1 - self.validation - self.holdout - self.latest
        return MOST_TRAINED if self.rows * left > MOST_TRAINED else None

    @property
    def features(self) -> list[ColumnProfile]:
        """The model's inputs."""
        others = {self.target, self.id, self.group, *self.sensitive}
        return [c for c in self.columns if c.use == "feature" and c.name not in others]

    @property
    def ignored(self) -> list[ColumnProfile]:
        """The columns that no model reads, including those that may be leaks."""
        return [column for column in self.columns if column.use == "ignored"]

    @property
    def classes(self) -> list[str]:
        """The labels of the target; empty for a regression."""
        target = next(column for column in self.columns if column.name == self.target)
        return [label(value) for value in target.values]


def holdout_share(units: int) -> float:
    """Small tables hold out a larger share, because the gates need enough rows to decide.

    units: the number of rows, or of groups of rows that stay together.
    """
    return 0.3 if units < _FEW_UNITS else 0.25
