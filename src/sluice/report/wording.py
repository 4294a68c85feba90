"""How facts are put into words, alike in every form of the report."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from sluice import verdict
from sluice.contribution.compare import Contribution
from sluice.metrics import METRICS
from sluice.model import Decision
from sluice.report.compare import Number
from sluice.report.evidence import Measured, Pair
from sluice.report.facts import Facts, ran
from sluice.verdict import Bound, Finding, Status, Verdict

Outcome = Literal["yes", "half", "no"]
Standing = Literal["pass", "accepted", "insufficient", "fail"]

NONE = "–"

WORDS: dict[Standing, str] = {
    "pass": "passes",
    "accepted": "accepted",
    "insufficient": "too little evidence",
    "fail": "fails",
}

# What each gate asks, for a reader who has not met it.
QUESTIONS = {
    "data-quality": "Is the data what params.yaml says it is?",
    "parity": "Does the exported model answer like the one that was trained?",
    "performance": "Is the model good enough, and better than guessing or one column alone?",
    "fairness": "Does the model treat groups of people alike?",
    "explanation": "Does the model rest on what it may rest on?",
    "scenarios": "Does the model behave as a person would expect in known situations?",
    "champion": "Is the candidate no worse than the model in production?",
}

_NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
    "brier": "Brier score",
}
_MEASURES = ("selection_rate", "false_negative_rate", "false_positive_rate")
_ERRORS = ("mean_error", "absolute_error")
_KNOWN = re.compile(rf"\b({'|'.join([*METRICS, *_MEASURES, *_ERRORS])})\b")

INSIDE = "Runs inside the gates, read it"
STALE_LOCK = "dvc.lock is not what this commit gives: run 'make package', and commit dvc.lock"

TASKS = {
    "binary": "one of two classes",
    "multiclass": "one of several classes",
    "regression": "a number",
}


def headline(facts: Facts) -> str:
    held = [gate.gate for gate in facts.gates if not gate.passes]
    by = f": {', '.join(held)}" if held and facts.trouble is None else ""
    return f"{facts.name} {says(facts)}{by}"


def says(facts: Facts) -> str:
    """True of a contribution to merge and of a version to release alike."""
    if not facts.releasable:
        return "does not pass"
    return "passes every gate" + (", but dvc.lock is stale" if facts.stale_lock else "")


def outcome(facts: Facts) -> Outcome:
    """What the headline's sign says."""
    if not facts.releasable:
        return "no"
    return "half" if facts.stale_lock else "yes"


def steps(facts: Facts) -> list[str]:
    """What a person can do about what stops it."""
    said = []
    if facts.trouble is not None or any(g.findings and not ran(g) for g in facts.gates):
        said.append("Mend what stopped the run half-way, and run 'make package' again.")
    if any(finding.status is Status.FAIL for finding in facts.refused):
        said.append(
            "What fails is settled by a better candidate or better data; it cannot be accepted."
        )
    if facts.acceptable:
        said.append(
            "Where there is too little evidence, more rows settle it, or a person accepts it by "
            "name and with a reason in params.yaml; that change is reviewed like any other."
        )
        said += _rows_of_data(facts)
    return said


def _rows_of_data(facts: Facts) -> list[str]:
    """What the advice to bring more holdout rows means, where the splits are known."""
    held = facts.splits.get("holdout")
    if not held:
        return []
    times = sum(facts.splits.values()) / held
    return [
        f"Of the data, {100 / times:.0f} % is the holdout: 100 more holdout rows take about "
        f"{round(100 * times, -1):,.0f} more rows of data."
    ]


def judged(made: Contribution) -> str:
    """How a contribution changes what judges it, in a sentence or two."""
    if made.predicted:
        what = ", ".join(f"{o.key}: {o.after} instead of {o.before}" for o in made.predicted)
        return (
            f"This contribution predicts something else ({what}). So nothing can be compared: "
            "every range, bound and acceptance is new, and has to be read."
        )
    if made.looser:
        what = "a setting that judges" if made.looser == 1 else f"{made.looser} settings that judge"
        return f"This contribution loosens {what} it."
    if any(one.kind == "changed" for one in made.settings):
        return "This contribution changes settings that judge it."
    if made.settings:
        return "This contribution changes settings that judge it; none is looser."
    return "This contribution changes files that decide how it is judged."


def standing(said: Verdict | Finding) -> Standing:
    if said.passes:
        return "pass" if said.status is Status.PASS else "accepted"
    return "fail" if said.status is Status.FAIL else "insufficient"


def status(said: Verdict | Finding) -> str:
    if isinstance(said, Verdict) and not said.findings:
        return "did not run"
    return WORDS[standing(said)]


def number(value: float | None) -> str:
    return NONE if value is None else verdict.number(value)


def change(value: float | None) -> str:
    if not value:
        return number(value)
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def span(measured: Measured) -> str:
    if measured.low is None or measured.high is None:
        return NONE
    return f"{number(measured.low)} to {number(measured.high)}"


def reach(pair: Pair) -> str:
    if pair.low is None or pair.high is None:
        return NONE
    return f"{change(pair.low)} to {change(pair.high)}"


def bound(held: Bound | None) -> str:
    if held is None or (held.low is None and held.high is None):
        return NONE
    return str(held)


def trend(compared: Number) -> str:
    """The change against the base, and whether it is for the better."""
    if compared.trend is None or compared.change is None:
        return NONE
    if compared.trend == "same":
        return "the same"
    return f"{change(compared.change)} ({compared.trend})"


def decision(rule: Decision, classes: tuple[str, ...]) -> str:
    if rule.threshold is not None:
        return f"threshold {number(rule.threshold)}"
    if rule.costs:
        named = zip(classes or map(str, range(len(rule.costs))), rule.costs, strict=False)
        return "cost of missing " + ", ".join(f"{name}: {number(cost)}" for name, cost in named)
    return NONE


def confidence(facts: Facts) -> str:
    return f"{100 * (facts.confidence or 0.95):g} % interval"


def short(name: str, gate: str) -> str:
    """A finding's name without its gate."""
    return name.removeprefix(f"{gate}/")


def metric(name: str) -> str:
    """A metric or measure in plain words; the names of columns in it stay as they are."""
    return _KNOWN.sub(lambda found: _NAMES.get(found[0], found[0].replace("_", " ")), name)


def visible(text: str) -> str:
    """Text without control characters, which could turn around what a reader sees."""
    return "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)


def clip(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
