"""Sequential tests of counts: their error rates hold for any number of checks at any time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

# Bets on an interval with one event: small bets detect small differences, large bets large ones.
_BETS = np.array([0.15, 0.35, 0.55, 0.75])
# The weight of the prior of the bounds and the sample-ratio test, in pseudo-observations.
_PRIOR = 50.0
_LARGEST_LOG = 100.0  # more evidence would change nothing, and could not be written as JSON


def evidence(events: Counts, others: Counts, shares: Floats) -> Floats:
    """The evidence after each interval that the first arm has more events than the second.

    events, others: [t] events of the two arms in each interval. shares: [t] the first arm's share
    of the requests of both. Returns [t] values of an e-process: if the arms are exchangeable
    within every interval, the probability that it ever reaches 1/alpha is at most alpha,
    even if the events within an interval depend on each other (Waudby-Smith and Ramdas,
    arXiv:2010.09686).
    """
    total = events + others
    found = np.divide(events, total, out=shares.astype(float), where=total > 0)
    difference = (found - shares) / np.maximum(shares, 1 - shares)
    # An interval with several events is treated like as many intervals with one event. The bet may
    # depend on their sum, which does not reveal the arm.
    bets = 0.999 * np.tanh(np.arctanh(_BETS)[:, None] * total)
    wealth = np.cumsum(np.log1p(bets * difference), axis=1)
    mean = np.logaddexp.reduce(wealth, axis=0) - math.log(len(_BETS))
    return np.exp(np.minimum(mean, _LARGEST_LOG))


def dispersion(events: Counts, requests: Counts) -> float:
    """Pearson's dispersion of the events of one arm over its intervals, at least 1.

    The dispersion is 1 for independent events, and about the size of a burst for events in bursts.
    """
    seen = requests > 0
    x, n = events[seen], requests[seen]
    if len(n) < 2 or not 0 < x.sum() < n.sum():
        return 1.0
    share = x.sum() / n.sum()
    squares = (x - n * share) ** 2 / (n * share * (1 - share))
    return max(1.0, float(squares.sum()) / (len(n) - 1))


def share_bounds(events: float, requests: float, alpha: float) -> tuple[float, float]:
    """Bounds of a share that are valid at every check with a probability of at least 1 - alpha.

    The numbers of events and requests may be fractions. The bounds are the shares at which a
    mixture of binomial likelihoods is less than 1/alpha times as likely (Robbins, 1970; Lindon and
    Malek, arXiv:2011.03567).
    """
    from scipy.optimize import brentq
    from scipy.special import betaln, xlog1py, xlogy

    if requests <= 0:
        return 0.0, 1.0
    rest = requests - events
    mixture = betaln(0.5 + events, _PRIOR + rest) - betaln(0.5, _PRIOR) + math.log(alpha)

    def excess(share: float) -> float:
        return float(mixture - xlogy(events, share) - xlog1py(rest, -share))

    middle = events / requests
    low = 0.0 if excess(0.0) < 0 else float(brentq(excess, 0.0, middle))
    high = 1.0 if excess(1.0) < 0 else float(brentq(excess, middle, 1.0))
    return low, high


def uneven(requests: int, others: int) -> float:
    """The evidence that two arms do not get equal shares of the requests.

    If they do, it ever exceeds 1/alpha with a probability of at most alpha
    (Lindon and Malek, arXiv:2011.03567).
    """
    from scipy.special import betaln

    total = requests + others
    log = betaln(_PRIOR + requests, _PRIOR + others) - betaln(_PRIOR, _PRIOR)
    return math.exp(min(_LARGEST_LOG, float(log) + total * math.log(2)))
