"""How often the canary's verdict is wrong, and how soon it is right, by simulation.

`make statistics` prints the tables of docs/rollout.md. Flagger's and Kayenta's rules judge the
same traffic: Flagger rolls back after five intervals in which more than 1 % of the canary's
requests failed; Kayenta once an hour, if a Mann-Whitney test of the two arms' rates of errors
says with 98 % confidence that the canary's are higher.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from tqdm import tqdm

from sluice.config import Rollout
from sluice.rollout import judge
from sluice.rollout.counts import Arm, Counts, Interval
from sluice.stats import sequential

Ints = NDArray[np.int64]

BASE = 0.005  # the champion's share of errors
SHARES = (0.01, 0.05, 0.1, 0.5)
SECONDS = 10.0
_FLAGGER_ERRORS, _FLAGGER_INTERVALS = 0.01, 5
_KAYENTA_INTERVALS, _KAYENTA_ALPHA = 360, 0.02


@dataclass(frozen=True)
class Pattern:
    """burst: the mean number of errors that come together. drift: the rate of errors swings by
    80 % over an hour. pauses: half of the intervals have no traffic."""

    name: str
    burst: int = 1
    drift: bool = False
    pauses: bool = False


PATTERNS = (
    Pattern("independent errors"),
    Pattern("bursts of 2", burst=2),
    Pattern("bursts of 5", burst=5),
    Pattern("bursts of 10", burst=10),
    Pattern("a drifting rate", drift=True),
    Pattern("pauses", pauses=True),
)


@dataclass(frozen=True)
class Traffic:
    """[t] requests and errors of each arm."""

    total: Ints
    canary: tuple[Ints, Ints]
    baseline: tuple[Ints, Ints]
    stable: tuple[Ints, Ints]


def traffic(
    random: np.random.Generator,
    pattern: Pattern,
    share: float,
    *,
    worse: float = 1.0,
    surplus: float = 0.0,
    intervals: int,
    rate: int,
) -> Traffic:
    """One rollout. worse: how many times the champion's errors, and surplus: the share of errors
    that the canary has besides. rate: requests per second."""
    total = random.poisson(rate * SECONDS, intervals)
    if pattern.pauses:
        total *= random.random(intervals) < 0.5
    canary = random.binomial(total, share)
    baseline = random.binomial(total - canary, min(1.0, share / (1 - share)))
    phase = random.uniform(0, 2 * np.pi)
    swing = np.sin(np.arange(intervals) * SECONDS / 3600 * 2 * np.pi + phase)
    base = BASE * (1 + 0.8 * swing) if pattern.drift else np.full(intervals, BASE)

    def errors(requests: Ints, times: float, more: float) -> Ints:
        return _errors(random, requests, base * times + more, pattern.burst)

    stable = total - canary - baseline
    return Traffic(
        total,
        (canary, errors(canary, worse, surplus)),
        (baseline, errors(baseline, 1.0, 0.0)),
        (stable, errors(stable, 1.0, 0.0)),
    )


def _errors(
    random: np.random.Generator, requests: Ints, rates: NDArray[np.float64], burst: int
) -> Ints:
    if burst == 1:
        return random.binomial(requests, rates)
    bursts = random.poisson(requests * rates / burst)
    # The sum of geometric sizes of mean `burst`.
    sizes = bursts + random.negative_binomial(np.maximum(bursts, 1), 1 / burst) * (bursts > 0)
    return np.minimum(requests, sizes)


Rule = Callable[[Traffic], int | None]
"""The number of the interval after which the canary is rolled back, or None."""


def sluice(seen: Traffic) -> int | None:
    (requests, errors), (others, theirs) = seen.canary, seen.baseline
    both = requests + others
    shares = np.divide(requests, both, out=np.full(len(both), 0.5), where=both > 0)
    evidence = sequential.evidence(errors, theirs, shares)
    return _first(evidence >= 1 / (0.5 * Rollout().alpha))


def flagger(seen: Traffic) -> int | None:
    requests, errors = seen.canary
    failed = np.cumsum(errors > _FLAGGER_ERRORS * requests)
    return _first(failed >= _FLAGGER_INTERVALS)


def kayenta(seen: Traffic) -> int | None:
    for end in range(_KAYENTA_INTERVALS, len(seen.total) + 1, _KAYENTA_INTERVALS):
        hour = slice(end - _KAYENTA_INTERVALS, end)
        rates = [
            errors[hour] / np.maximum(n[hour], 1) for n, errors in (seen.canary, seen.baseline)
        ]
        if mannwhitneyu(*rates, alternative="greater").pvalue < _KAYENTA_ALPHA:
            return end - 1
    return None


def _first(reached: NDArray[np.bool_]) -> int | None:
    at = np.flatnonzero(reached)
    return int(at[0]) if len(at) else None


RULES: dict[str, Rule] = {"sluice": sluice, "Flagger": flagger, "Kayenta": kayenta}


def false_rollbacks(random: np.random.Generator, rollouts: int) -> None:
    """Two hours of a healthy canary at 100 requests per second."""
    print(f"| errors | share | {' | '.join(RULES)} |\n| --- | --- |{' --- |' * len(RULES)}")
    for pattern in PATTERNS:
        for share in SHARES:
            counted = dict.fromkeys(RULES, 0)
            for _ in tqdm(range(rollouts), pattern.name, leave=False, disable=None):
                seen = traffic(random, pattern, share, intervals=720, rate=100)
                for name, rule in RULES.items():
                    counted[name] += rule(seen) is not None
            cells = " | ".join(f"{100 * n / rollouts:.1f} %" for n in counted.values())
            print(f"| {pattern.name} | {share:.0%} | {cells} |", flush=True)


def time_to_find(random: np.random.Generator, rollouts: int) -> None:
    """The median of all requests until a canary with more errors is rolled back."""
    print("| share | 2 times the errors | 3 times | 10 times |\n| --- | --- | --- | --- |")
    for share in SHARES:
        cells = []
        for worse in (2.0, 3.0, 10.0):
            needed = []
            for _ in tqdm(range(rollouts), f"{worse:g} times", leave=False, disable=None):
                seen = traffic(random, PATTERNS[0], share, worse=worse, intervals=8640, rate=20)
                at = sluice(seen)
                needed.append(np.inf if at is None else float(seen.total[: at + 1].sum()))
            middle = float(np.median(needed))
            cells.append(f"{middle:,.0f}" if np.isfinite(middle) else "not within a day")
        print(f"| {share:.0%} | {' | '.join(cells)} |", flush=True)


def wrong_promotions(random: np.random.Generator, rollouts: int) -> None:
    """A canary that is worse by the margin at any time, judged every half hour for two hours."""
    settings = Rollout()
    print("| errors | share | promoted |\n| --- | --- | --- |")
    for pattern in PATTERNS:
        for share in SHARES:
            wrong = 0
            for _ in tqdm(range(rollouts), pattern.name, leave=False, disable=None):
                more = settings.margin
                seen = traffic(random, pattern, share, surplus=more, intervals=720, rate=100)
                wrong += any(_promoted(seen, end, settings) for end in range(180, 721, 180))
            print(f"| {pattern.name} | {share:.0%} | {100 * wrong / rollouts:.1f} % |", flush=True)


def _promoted(seen: Traffic, end: int, settings: Rollout) -> bool:
    arms = [
        (n[:end].tolist(), x[:end].tolist()) for n, x in (seen.canary, seen.baseline, seen.stable)
    ]
    counted = [[Arm(*both) for both in zip(*arm, strict=True)] for arm in arms]
    intervals = tuple(Interval(*one) for one in zip(*counted, strict=True))
    verdict = judge.judge(Counts(SECONDS, intervals), settings)
    return any(f.name == "canary/errors within the margin" and f.passes for f in verdict.findings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    print("False rollbacks of a healthy canary in two hours\n")
    false_rollbacks(random, options.rollouts)
    print("\nRequests until a worse canary is rolled back (median)\n")
    time_to_find(random, max(50, options.rollouts // 5))
    print("\nWrong promotions of a canary that is worse by the margin\n")
    wrong_promotions(random, max(50, options.rollouts // 5))


if __name__ == "__main__":
    main()
