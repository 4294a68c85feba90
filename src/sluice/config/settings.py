"""All settings of a project, and what follows from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.config import stages
from sluice.config.data import Column, Data
from sluice.config.monitor import Monitor, Retraining
from sluice.config.rollout import Rollout
from sluice.config.section import Key, Name, Ordered, Section
from sluice.labels import label
from sluice.task import Task


class Settings(Section):
    """The content of params.yaml.

    `bounds` says whether `sluice adopt` derived the bounds from the data, or a person has
    confirmed them.
    """

    name: Name
    task: Task
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    bounds: Literal["derived", "confirmed"] = "confirmed"
    data: Data
    columns: Ordered[Key, Column]
    quality: stages.Quality
    split: stages.Split
    candidates: Annotated[Ordered[Name, stages.Candidate], Field(min_length=1)]
    selection: stages.Selection
    parity: stages.Parity
    performance: stages.Performance
    fairness: stages.Fairness
    explanation: stages.Explanation
    load: stages.Load
    rollout: Rollout = Field(default_factory=Rollout)
    monitor: Monitor = Field(default_factory=Monitor)
    retraining: Retraining = Field(default_factory=Retraining)
    accept: list[stages.Acceptance]

    @property
    def classes(self) -> list[str]:
        """The class labels in the order of the model's outputs; in a binary task, the negative one
        comes first.
        """
        if self.task == "regression":
            return []
        labels = [label(value) for value in self.columns[self.data.target].values or []]
        if self.task == "binary":
            labels.sort(key=lambda known: known == label(self.data.positive))
        return labels

    @property
    def features(self) -> list[str]:
        """Columns that the model may use: numbers, then categories, the segments' column last."""
        excluded = {self.data.target, self.data.id, self.split.group, *self.data.sensitive}
        excluded -= set(self.data.sensitive_inputs)
        names = [n for n, c in self.columns.items() if n not in excluded and c.use == "feature"]
        return sorted(names, key=lambda n: (not self.columns[n].numeric, n == self.segment_column))

    @property
    def segment_column(self) -> str | None:
        """The column whose values have models of their own."""
        return self.data.segments.column if self.data.segments else None
