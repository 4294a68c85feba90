"""The section of params.yaml on how a package takes over the traffic of production."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sluice.config.section import Section


class Rollout(Section):
    """When a canary is promoted and when it is rolled back.

    `margin` is the difference that the canary's share of errors, of slow answers and of unusual
    scores must be shown to stay below. `alpha` is the largest probability that a canary which is
    as good as the champion is ever rolled back. After `deadline` seconds without a decision the
    canary is rolled back.
    """

    margin: Annotated[float, Field(gt=0, lt=1)] = 0.005
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    deadline: Annotated[float, Field(gt=0)] = 86_400
