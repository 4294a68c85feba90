"""The section of params.yaml on how a package takes over the traffic of production."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sluice.config.section import Section

# The baseline gets as much as the canary.
_LARGEST_STEP = 50


def _check_steps(steps: list[int]) -> list[int]:
    for step in steps:
        if not 1 <= step <= _LARGEST_STEP:
            raise ValueError(
                f"{step} is no share for a canary: a step is 1 to {_LARGEST_STEP} percent, because "
                "the canary's baseline gets as much"
            )
    for before, after in pairwise(steps):
        if after <= before:
            raise ValueError(f"{after} comes after {before}, but every step must be larger")
    return steps


class Rollout(Section):
    """When a canary is promoted and when it is rolled back.

    `steps` are the percents of the requests that the canary gets, one after the other; its
    baseline gets as many. It is judged every `interval` seconds. `promotion` says whether a
    person approves the full release after the canary has passed. `margin` is the difference that
    the canary's share of errors, of slow answers and of unusual scores must be shown to stay
    below. `alpha` is the largest probability that a canary which is as good as the champion is
    ever rolled back. After `deadline` seconds without a decision the canary is rolled back.
    """

    steps: Annotated[list[int], Field(min_length=1), AfterValidator(_check_steps)] = Field(
        default_factory=lambda: [1, 5, 10, 25, 50]
    )
    interval: Annotated[float, Field(ge=0.1, le=3_600)] = 10
    promotion: Literal["approval", "automatic"] = "approval"
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.005
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    deadline: Annotated[float, Field(gt=0)] = 86_400
