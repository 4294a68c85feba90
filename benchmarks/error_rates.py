"""How often the gates wrongly pass or refuse, by simulation.

`make statistics` writes docs/statistics.md: random tables are passed to the functions that the
gates use. With --rollouts, the tables of benchmarks/canary.py follow.
"""

from __future__ import annotations

import argparse
import contextlib
import io
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import canary
from sluice.check.calibration import calibration
from sluice.check.group_measures import compare, measures
from sluice.check.groups import Grouping
from sluice.check.near_duplicates import near_duplicates
from sluice.metrics import METRICS, Predictions
from sluice.stats import reuse
from sluice.stats.bootstrap import intervals
from sluice.verdict import Bound, Finding, judge

PAGE = Path("docs/statistics.md")
_QUIET = """\
The verdict covers only the time in which the canary was tried. A canary with twice the champion's
errors passes more often while the champion's rate is low, because it then has few additional
errors: see rollout.md."""
SIZES = (800, 7_444)
CONFIDENCE, RESAMPLES = 0.95, 400
TAIL = (1 - CONFIDENCE) / 2

Random = np.random.Generator
Cells = list[str]


def logistic(random: Random, rows: int, spread: float = 1.0) -> np.ndarray:
    """Scores of which about 22 % are positive."""
    return 1 / (1 + np.exp(-random.normal(-1.5, spread, rows)))


def binary(truth: np.ndarray, scores: np.ndarray) -> Predictions:
    decisions = (scores >= 0.25).astype(np.int64)
    return Predictions("binary", truth.astype(np.int64), scores, decisions, {}, ("no", "yes"))


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def statuses(findings: Iterable[Finding]) -> Cells:
    """The shares of pass, insufficient and fail."""
    counted = Counter(finding.status.value for finding in findings)
    return [percent(counted[name] / counted.total()) for name in ("pass", "insufficient", "fail")]


def fairness(seed: int, trials: int, rows: int, groups: int, gap: float) -> Cells:
    """One group is selected more often than the others by `gap`; at most .1 is allowed."""
    random = np.random.default_rng((seed, rows, groups, round(gap * 1000)))
    names = tuple(f"g{k}" for k in range(groups))
    rates = np.full(groups, 0.2)
    rates[0] += gap
    covered, off, findings = 0, [], []
    for _ in range(trials):
        codes = random.integers(0, groups, rows)
        said = (random.random(rows) < rates[codes]).astype(np.int64)
        outcome = Predictions("binary", said, said.astype(float), said, {}, ("no", "yes"))
        grouping = Grouping(("of",), names, np.array(names, object)[codes])
        measure = measures(outcome)[0]
        found = compare(grouping, list(names), measure, None, TAIL).between["difference"]
        covered += found.low <= gap <= found.high
        off.append(found.estimate - gap)
        bound = Bound("", high=0.1)
        span = (found.low, found.high)
        findings.append(judge("fairness", found.estimate, bound, interval=span, n=rows))
    cells = [str(groups), f"{rows:,}", f"{gap:.2f}", percent(covered / trials)]
    return [*cells, f"{np.mean(off):+.3f}", *statuses(findings)]


def calibrated(seed: int, trials: int, rows: int, error: float) -> Cells:
    """Scores that are too low by `error`; at most .04 is allowed."""
    random = np.random.default_rng((seed, rows, round(error * 1000), 2))
    findings, risks = [], []
    for _ in range(trials):
        scores = logistic(random, rows)
        outcome = binary(random.random(rows) < scores + error, scores)
        found = calibration(outcome, None, bound=0.04, tail=TAIL)
        span = (found.error.low, found.error.high)
        bound = Bound("", high=0.04)
        findings.append(judge("calibration", found.error.estimate, bound, interval=span, n=rows))
        risks.append(found.risk)
    return [f"{rows:,}", f"{error:.2f}", percent(float(np.mean(risks))), *statuses(findings)]


def metric(seed: int, trials: int, rows: int, name: str, above: float) -> Cells:
    """A model whose true metric is `above` standard errors of the estimate above its bound."""
    random = np.random.default_rng((seed, rows, round(above * 10) + 100, len(name)))
    compute = METRICS[name].compute

    def drawn(size: int) -> Predictions:
        scores = logistic(random, size)
        return binary(random.random(size) < scores, scores)

    truth = compute(drawn(2_000_000))
    error = float(np.std([compute(drawn(rows)) for _ in range(300)]))
    bound = Bound("", low=truth - above * error)
    findings = []
    for trial in range(trials):
        outcome = drawn(rows)
        span = intervals(
            lambda chosen, outcome=outcome: {name: compute(outcome.rows(chosen))},
            rows,
            resamples=RESAMPLES,
            confidence=CONFIDENCE,
            seed=trial,
            doing=name,
        )[name]
        findings.append(judge(name, compute(outcome), bound, interval=span, n=rows))
    return [name, f"{rows:,}", f"{above:+.0f}", *statuses(findings)]


def reused(seed: int, trials: int, tries: int) -> Cells:
    """Salts are tried on a table of 30,000 rows, with an accuracy exactly at its bound of .8."""
    random = np.random.default_rng((seed, tries))
    passed = {"no": 0, "yes": 0}
    for _ in range(trials):
        right = random.random(30_000) < 0.8
        lucky = dict.fromkeys(passed, False)
        for judged in range(1, tries + 1):
            held = right[random.random(len(right)) < 0.25]
            mean, error = held.mean(), held.std() / len(held) ** 0.5
            span = (mean - 1.96 * error, mean + 1.96 * error)
            lucky["no"] |= span[0] >= 0.8
            low, _ = reuse.widened(mean, span, reuse.widening(CONFIDENCE, judged))
            lucky["yes"] |= low >= 0.8
        for name in passed:
            passed[name] += lucky[name]
    shares = [percent(n / trials) for n in passed.values()]
    return [str(tries), *shares, f"{reuse.widening(CONFIDENCE, tries):.2f}"]


def copied(seed: int, columns: int, changed: int) -> Cells:
    """5,000 rows, and all of them once more with one or more values changed by 1."""
    random = np.random.default_rng((seed, columns, changed))
    frame = pd.DataFrame(random.normal(size=(5_000, columns)).round(3))
    frame.columns = [f"x{k}" for k in range(columns)]
    copies = frame.assign(**{f"x{k}": frame[f"x{k}"] + 1 for k in range(changed)})
    split, data = SimpleNamespace(group_column=None), SimpleNamespace(target="y")
    settings: Any = SimpleNamespace(features=list(frame), seed=seed, split=split, data=data)
    both = pd.concat([frame, copies], ignore_index=True)
    shares = [near_duplicates(one.assign(y=0), settings).mean() for one in (frame, both)]
    return [str(columns), str(changed), *map(percent, shares)]


Job = tuple[Callable[..., Cells], tuple[Any, ...]]


def tables(seed: int, trials: int) -> dict[str, tuple[str, list[str], list[Job]]]:
    """Each table by its title: a description, the headings of its columns, and its rows."""
    few = max(5, trials // 5)
    say = ["pass", "insufficient", "fail"]
    return {
        "Differences between groups": (
            "One group is selected more often than the others, which are selected in 20 % of "
            "cases. The bound is at most .1, so a difference below it should pass. Each line "
            f"summarizes {trials:,} tables.",
            ["groups", "rows", "difference", "interval covers it", "bias of the estimate", *say],
            [
                (fairness, (seed, trials, rows, groups, gap))
                for groups in (2, 3, 12)
                for rows in SIZES
                for gap in (0.0, 0.07, 0.1, 0.13)
            ],
        ),
        "Calibration": (
            "Every score is too low by the error. The bound is at most .04. The risk is the "
            "probability that the true error is above the interval. Each line summarizes "
            f"{trials:,} tables.",
            ["rows", "error", "risk", *say],
            [
                (calibrated, (seed, trials, rows, error))
                for rows in (200, *SIZES)
                for error in (0.0, 0.04, 0.06, 0.08)
            ],
        ),
        "Other metrics": (
            "The true value is this many standard errors above the bound, so 0 and below should "
            f"not pass. Each line summarizes {few:,} tables, with {RESAMPLES} resamples each.",
            ["metric", "rows", "standard errors", *say],
            [
                (metric, (seed, few, rows, name, above))
                for name in ("roc_auc", "recall")
                for rows in SIZES
                for above in (-2.0, 0.0, 4.0)
            ],
        ),
        "A holdout that is used again": (
            "Several salts of the split are tried until a model passes whose true accuracy is "
            "exactly at its bound. A quarter of 30,000 rows is held out. Each line summarizes "
            f"{trials:,} attempts. The last column is the width of the last interval, relative to "
            "the first.",
            ["salts", "passes without counting", "passes with counting", "relative width"],
            [(reused, (seed, trials, tries)) for tries in (1, 10, 50)],
        ),
        "Near duplicates": (
            "The share of rows with a near duplicate. The gate allows 10 %.",
            ["columns", "values changed", "without copies", "with a copy of each row"],
            [(copied, (seed, columns, changed)) for columns in (4, 10, 25) for changed in (1, 2)],
        ),
    }


def markdown(heads: list[str], rows: list[Cells]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def page(seed: int, trials: int, rollouts: int) -> str:
    parts = [
        "# How often the gates are wrong",
        f"Written by `make statistics`, seed {seed}. The confidence is {CONFIDENCE:.0%}, so"
        f" the true value may be beyond either end of an interval in {TAIL:.1%} of cases.",
    ]
    for title, (meaning, heads, jobs) in tables(seed, trials).items():
        rows = Parallel(n_jobs=-1)(delayed(do)(*arguments) for do, arguments in jobs)
        parts += [f"## {title}", meaning, markdown(heads, rows)]
        print(f"{title}: done", flush=True)
    if rollouts:
        printed = io.StringIO()
        random = np.random.default_rng(seed)
        few = max(10, rollouts // 5)
        with contextlib.redirect_stdout(printed):
            print(
                f"## The canary\n\nEach line summarizes {rollouts:,} rollouts, and {few:,} in the "
                "last two tables.\n"
            )
            print("Healthy canaries that were rolled back within two hours:\n")
            canary.false_rollbacks(random, rollouts)
            print("\nRequests until a worse canary is rolled back (median):\n")
            canary.time_to_find(random, few)
            print("\nCanaries that are always worse by the margin, but were promoted:\n")
            canary.wrong_promotions(random, few)
            print(f"\n{_QUIET}")
        parts.append(printed.getvalue().strip())
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400, help="tables of each kind")
    parser.add_argument("--rollouts", type=int, default=200, help="of each kind, for the canary")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    PAGE.write_text(page(options.seed, options.trials, options.rollouts), "utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
