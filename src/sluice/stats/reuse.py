"""How several models that are judged on the same rows share one risk.

Whoever may try often enough passes by luck. As in ease.ml/ci (Renggli et al., MLSys, 2019), a
union bound divides the risk of a wrong `pass` over all models that are judged on the same rows
until new ones come. Their number is not known beforehand, so the k-th model gets 1 / (k (k - 1))
of the risk of the first one. Together these shares are at most 2, and the risk of one side of the
first interval is (1 - confidence) / 2: the chance that any model at all passes wrongly on a metric
is at most 1 - confidence.

It holds for models that were not made from what the gates said of these rows. Against somebody who
fits a model to the answers of the gates only 2 to the power of k would help, after which no model
would ever pass; that the rows are limited to a number of models is the remedy for it.
"""

from __future__ import annotations


def share(judged: int) -> float:
    """The part of the risk of a single judgement which the last of so many models may take."""
    return 1.0 if judged <= 1 else 1 / (judged * (judged - 1))


def tail(confidence: float, judged: int) -> float:
    """The risk on either side of the interval of the last of so many models."""
    return (1 - confidence) / 2 * share(judged)


def widening(confidence: float, judged: int) -> float:
    """How many times as wide the interval of the last of so many models is as that of the first."""
    from scipy.special import ndtri

    return float(ndtri(tail(confidence, judged)) / ndtri(tail(confidence, 1)))


def widened(estimate: float, span: tuple[float, float], factor: float) -> tuple[float, float]:
    """An interval that is so many times as wide, on either side of its estimate.

    A few hundred resamples do not show how rare the extreme ones are, so the normal distribution
    does.
    """
    low, high = span
    return estimate - (estimate - low) * factor, estimate + (high - estimate) * factor
