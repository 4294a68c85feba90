"""Divide one error probability among several models that are judged on the same rows.

With enough attempts, some model passes by chance. As in ease.ml/ci (Renggli et al., MLSys, 2019), a
union bound divides the risk of a wrong `pass` among all models that are judged on the same rows
before new rows are added. The number of models is not known beforehand, so the k-th model gets 1 /
(k (k - 1)) of the risk of the first one. Together these shares are at most 2, and the risk of one
side of the first interval is (1 - confidence) / 2: the chance that any model at all passes wrongly
on a metric is at most 1 - confidence.

This guarantee holds for models that were not fitted to the gates' earlier answers about these rows.
Against adaptive models, the risk would have to be divided by 2 to the power of k, and soon no model
could pass; the limit on the number of models per holdout addresses this instead.
"""

from __future__ import annotations


def share(judged: int) -> float:
    """The share of the risk of a single judgement that the last of this many models gets."""
    return 1.0 if judged <= 1 else 1 / (judged * (judged - 1))


def tail(confidence: float, judged: int) -> float:
    """The risk on each side of the interval for the last of this many models."""
    return (1 - confidence) / 2 * share(judged)


def widening(confidence: float, judged: int) -> float:
    """The width of the last model's interval relative to the first model's."""
    from scipy.special import ndtri

    return float(ndtri(tail(confidence, judged)) / ndtri(tail(confidence, 1)))


def widened(estimate: float, span: tuple[float, float], factor: float) -> tuple[float, float]:
    """An interval that is this many times as wide on each side of its estimate.

    The factor comes from the normal distribution, because a few hundred resamples do not show the
    extreme quantiles.
    """
    low, high = span
    return estimate - (estimate - low) * factor, estimate + (high - estimate) * factor
