"""All of `params.yaml` as one record."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from sluice.config import consistency
from sluice.config.data import Column, Data
from sluice.config.section import Name, Ordered, Section, Word
from sluice.config.stages import (
    Acceptance,
    Candidate,
    Explanation,
    Fairness,
    Load,
    Parity,
    Performance,
    Quality,
    Selection,
    Split,
)
from sluice.labels import label
from sluice.task import Task


class Settings(Section):
    name: Name
    task: Task
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    columns: Ordered[Word, Column]
    quality: Quality
    split: Split
    candidates: Annotated[Ordered[Name, Candidate], Field(min_length=1)]
    selection: Selection
    parity: Parity
    performance: Performance
    fairness: Fairness
    explanation: Explanation
    load: Load
    accept: list[Acceptance]

    @property
    def classes(self) -> list[str]:
        """Class labels in the order of the model's outputs; binary: negative, positive."""
        if self.task == "regression":
            return []
        labels = [label(value) for value in self.columns[self.data.target].values or []]
        if self.task == "binary":
            labels.sort(key=lambda known: known == label(self.data.positive))
        return labels

    @property
    def features(self) -> list[str]:
        """Columns that may be model inputs: numbers first, then categories."""
        apart = {self.data.target, self.data.id, *self.data.sensitive}
        apart -= set(self.data.sensitive_inputs)
        named = [n for n, c in self.columns.items() if n not in apart and c.use == "feature"]
        return sorted(named, key=lambda name: not self.columns[name].numeric)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        consistency.require(self)
        return self
