"""The sections of params.yaml on monitoring, and on when to train the model again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from sluice.config.section import Key, Ordered, Section

Floor = Annotated[float, Field(gt=0, le=1)]


class Monitor(Section):
    """Where production writes its log, and when drift raises an alarm.

    `log` is the scoring log, a folder or a URL such as s3://bucket/log, and `labels` the file with
    the true outcomes; the workflow Monitor reads both. `false_alarms_a_year` is the accepted
    average number of days with a false alarm in a year of daily checks. `floors` are the
    differences of single columns that do not matter, whatever the window, on the scale of the
    population stability index; for a number, this is about the square of the mean's shift in
    standard deviations.
    """

    log: str | None = None
    labels: str | None = None
    false_alarms_a_year: Annotated[float, Field(gt=0, le=52)] = 1.0
    floors: Ordered[Key, Floor] = Field(default_factory=dict)


class Retraining(Section):
    """When the model is trained again.

    `cost` is what a retraining costs, and `value` what one unit of the selection's metric is worth
    in one decision; without both, no retraining is recommended for its gain alone. `every` is the
    number of days after which a model is trained again in any case. `gain` is the smallest gain in
    the selection's metric that matters.
    """

    cost: PositiveFloat | None = None
    value: PositiveFloat | None = None
    every: PositiveInt = 365
    gain: PositiveFloat = 0.01
