"""The section of params.yaml on how a package takes over the traffic of production."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sluice.config.section import Section

# The baseline gets the same share as the canary.
_LARGEST_STEP = 50


def _check_steps(steps: list[int]) -> list[int]:
    for step in steps:
        if not 1 <= step <= _LARGEST_STEP:
            raise ValueError(
                f"{step} is not a valid step: a step is 1 to {_LARGEST_STEP} percent, because the "
                "canary's baseline gets the same share"
            )
    for before, after in pairwise(steps):
        if after <= before:
            raise ValueError(f"{after} comes after {before}, but every step must be larger")
    return steps


class Rollout(Section):
    """When a canary is promoted and when it is rolled back.

    `steps` are the successive percentages of the requests that the canary gets; its baseline gets
    the same. The canary is judged every `interval` seconds. `promotion` says whether a person
    approves the full release after the canary has passed. `margin` is the tolerated increase: the
    canary must be shown to have fewer additional errors, slow answers and unusual scores than this
    share. `alpha` is the largest probability that a canary as good as the champion is rolled back.
    After `deadline` seconds without a decision the canary is rolled back.
    """

    steps: Annotated[list[int], Field(min_length=1), AfterValidator(_check_steps)] = Field(
        default_factory=lambda: [1, 5, 10, 25, 50]
    )
    interval: Annotated[float, Field(ge=0.1, le=3_600)] = 10
    promotion: Literal["approval", "automatic"] = "approval"
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.005
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    deadline: Annotated[float, Field(gt=0)] = 86_400
