"""The sections that the stages and gates of the pipeline read."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from sluice.config.section import Ordered, Range, Section, Share, Word


class Quality(Section):
    rows: PositiveInt
    duplicates: Share
    class_share: Share | None = None
    leakage: Share


class Split(Section):
    salt: str
    validation: Annotated[float, Field(gt=0, lt=1)]
    holdout: Annotated[float, Field(gt=0, lt=1)]
    latest: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> Self:
        if self.validation + self.holdout + self.latest >= 1:
            raise ValueError("validation, holdout and latest together leave nothing to train on")
        return self


class Candidate(Section):
    """A model of `usecase.candidates` and its hyperparameters."""

    model: str
    parameters: Ordered[Word, Any] = Field(default_factory=dict)


class Selection(Section):
    metric: str
    within: Annotated[float, Field(ge=0)] = 0.0
    costs: Ordered[Word, PositiveFloat] = Field(default_factory=dict)


class Performance(Section):
    bounds: Ordered[str, Range]
    over_baselines: FiniteFloat = 0.0
    under_champion: Share = 0.02
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 400
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95


class Fairness(Section):
    group_rows: PositiveInt
    bounds: Ordered[str, Range]
    intersections: Ordered[str, Range]
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 200
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95


class Explanation(Section):
    largest_share: Share
    rows: Annotated[int, Field(ge=10, le=5_000)] = 200


class Parity(Section):
    tolerance: PositiveFloat


class LoadBounds(Section):
    """What the server of a package is held to under load."""

    p50_ms: Range | None = None
    p95_ms: Range
    p99_ms: Range
    throughput: Range
    memory_mib: Range
    error_rate: Range


class Load(Section):
    """How the server is loaded in the test environment."""

    seconds: Annotated[float, Field(gt=0, le=600)]
    connections: Annotated[int, Field(ge=1, le=256)]
    rows: Annotated[int, Field(ge=1, le=1_000)] = 1
    bounds: LoadBounds


class Acceptance(Section):
    """An `insufficient` that a person has decided to live with, and why."""

    finding: str
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
