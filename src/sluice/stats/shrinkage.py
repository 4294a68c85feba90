"""Many estimates of the same kind at once, such as one for each segment."""

from __future__ import annotations

import numpy as np

from sluice.metrics import Floats


def prior(estimates: Floats, errors: Floats) -> tuple[float, float]:
    """The mean and the variance of the true values, given estimates [k] with standard errors [k].

    DerSimonian and Laird, Controlled Clinical Trials, 1986, doi:10.1016/0197-2456(86)90046-2.
    """
    weights = 1 / errors**2
    center = float(np.average(estimates, weights=weights))
    scatter = float((weights * (estimates - center) ** 2).sum())
    spread = weights.sum() - (weights**2).sum() / weights.sum()
    between = max(0.0, (scatter - (len(estimates) - 1)) / spread) if len(estimates) > 1 else 0.0
    both = 1 / (errors**2 + between)
    return float((both * estimates).sum() / both.sum()), float(between)


def shrunken(
    estimates: Floats, errors: Floats, known: tuple[float, float] | None = None
) -> tuple[Floats, Floats]:
    """The means and the standard deviations of the true values, given all estimates [k].

    errors: [k] standard errors, all positive. known: the result of `prior`, if it was computed
    before. Empirical Bayes: the true values are assumed to be normally distributed around a common
    mean, and their variance is estimated from the estimates.
    """
    center, between = known or prior(estimates, errors)
    if not between:
        return np.full(len(estimates), center), np.full(
            len(estimates), (errors**-2.0).sum() ** -0.5
        )
    share = between / (between + errors**2)
    return center + share * (estimates - center), np.sqrt(share) * errors
