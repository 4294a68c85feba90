"""Whether to retrain the model: the first rule that applies, and a sentence that says why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec

from sluice.config import Retraining
from sluice.verdict import Finding, Status, Verdict, number

GATE = "retraining"
# The prefixes of those ground-truth findings that concern the labels.
ABOUT_LABELS = ("ground-truth/labels", "ground-truth/classes of the newest labels")

Action = Literal["retrain", "look", "keep", "wait"]
Rule = Literal["labels", "performance", "domain", "cost", "schedule", "request", "none"]

# For one-sided tests at 5 % with a power of 80 %: 1.64 + 0.84.
_POWER = 2.49


class Decision(msgspec.Struct, frozen=True):
    """What to do, by which rule, and why. wait: there is too little evidence to decide."""

    action: Action
    rule: Rule
    why: str

    def verdict(self) -> Verdict:
        """Pass if the model is kept, fail if something must be done."""
        status = {
            "keep": Status.PASS,
            "wait": Status.INSUFFICIENT,
            "retrain": Status.FAIL,
            "look": Status.FAIL,
        }[self.action]
        finding = Finding(f"{GATE}/{self.action}", status, self.why)
        return Verdict.of(GATE, [finding])


@dataclass(frozen=True)
class Facts:
    """The facts that the decision is based on.

    truth: None if no labels were given. labels: new labelled rows. needed: how many of them would
    show the smallest gain that matters; None if unknown. age: days since the package's commit.
    gain: the expected gain in the selection's metric from the new labels; None if it was not
    estimated. decisions: per day.
    """

    truth: Verdict | None
    drift: Verdict
    metric: str
    labels: int
    needed: int | None
    age: int
    decisions: float
    gain: float | None = None


def decide(facts: Facts, settings: Retraining) -> Decision:
    """The first rule that applies: labels, performance, domain, cost, schedule; otherwise keep."""
    for rule in (_labels_are_wrong, _performance, _domain, _cost, _schedule):
        if decision := rule(facts, settings):
            return decision
    return _otherwise(facts, settings)


def _labels_are_wrong(facts: Facts, settings: Retraining) -> Decision | None:
    wrong = mistrusted(facts.truth)
    if not wrong:
        return None
    why = f"the labels cannot be trusted: {wrong[0].name}: {wrong[0].why}"
    return Decision("look", "labels", why)


def mistrusted(truth: Verdict | None) -> list[Finding]:
    """The findings that show that the labels are wrong; no model may learn from such labels."""
    found = truth.findings if truth else ()
    return [f for f in found if f.status is Status.FAIL and f.name.startswith(ABOUT_LABELS)]


def _performance(facts: Facts, settings: Retraining) -> Decision | None:
    if facts.truth is None or facts.truth.status is not Status.FAIL:
        return None
    return Decision("retrain", "performance", facts.truth.why)


def _domain(facts: Facts, settings: Retraining) -> Decision | None:
    if facts.drift.status is not Status.FAIL:
        return None
    if facts.needed is not None and facts.labels >= facts.needed:
        why = f"{facts.drift.why}; {facts.labels:,} new labels are enough to learn from"
        return Decision("retrain", "domain", why)
    have = f"there are {facts.labels:,} new labels"
    if facts.needed is not None:
        have += f", about {facts.needed:,} are needed"
    why = f"{facts.drift.why}; {have}, and a model cannot learn the new situation from the old ones"
    return Decision("look", "domain", why)


def _cost(facts: Facts, settings: Retraining) -> Decision | None:
    if settings.cost is None or settings.value is None or facts.gain is None:
        return None
    days = max(0, settings.every - facts.age)
    decisions = facts.decisions * days
    worth = max(0.0, facts.gain) * decisions * settings.value
    if worth <= settings.cost:
        return None
    why = (
        f"{facts.labels:,} new labels are expected to bring a gain of {number(facts.gain)} in "
        f"{facts.metric}, "
        f"which in {decisions:,.0f} decisions until the next schedule is worth {number(worth)}, "
        f"more than the {number(settings.cost)} that a retraining costs"
    )
    return Decision("retrain", "cost", why)


def _schedule(facts: Facts, settings: Retraining) -> Decision | None:
    if facts.age < settings.every:
        return None
    why = f"the model is {facts.age:,} days old, and is retrained every {settings.every:,} days"
    return Decision("retrain", "schedule", why)


def _otherwise(facts: Facts, settings: Retraining) -> Decision:
    left = f"the next scheduled retraining is in {settings.every - facts.age:,} days"
    unknown = [
        judged.gate
        for judged in (facts.truth, facts.drift)
        if judged is not None and not judged.passes
    ]
    if facts.truth is None:
        unknown.append("ground-truth, for which no labels were given")
    if unknown:
        why = f"there is too little evidence on {' and '.join(unknown)}; {_labels(facts)}; {left}"
        return Decision("wait", "none", why)
    why = f"performance and inputs are as expected; {_labels(facts)}; {left}"
    return Decision("keep", "none", why)


def _labels(facts: Facts) -> str:
    if facts.needed is None:
        return f"{facts.labels:,} new labels"
    if facts.labels >= facts.needed:
        return f"{facts.labels:,} new labels, enough to show a gain that matters"
    return f"{facts.labels:,} new labels; about {facts.needed:,} would show a gain that matters"


def labels_needed(spread: float | None, rows: int, *, gain: float, holdout: float) -> int | None:
    """How many new labels are needed to show a gain of a new model over the old one.

    spread: the standard deviation of the paired difference between both on `rows` holdout rows.
    holdout: the share of new rows that becomes holdout.
    """
    if spread is None or not spread > 0:
        return None
    return math.ceil(rows * (spread * _POWER / gain) ** 2 / holdout)
