"""The report's sentences, in Markdown and HTML alike."""

from __future__ import annotations

from typing import Literal

from sluice.contribution.record import Contribution
from sluice.project import DERIVED
from sluice.report.record import Report, completed
from sluice.verdict import Finding, Status, Verdict

Conclusion = Literal["pass", "warn", "fail"]
Standing = Literal["pass", "accepted", "insufficient", "fail"]

WORDS: dict[Standing, str] = {
    "pass": "passes",
    "accepted": "accepted",
    "insufficient": "too little evidence",
    "fail": "fails",
}

# The question that each gate answers, for readers who see the report for the first time.
QUESTIONS = {
    "data-quality": "Does the data match what params.yaml declares?",
    "parity": "Does the exported model give the same scores as the trained one?",
    "performance": "Is the model good enough, and better than simple baselines?",
    "fairness": "Does the model treat groups of people equally?",
    "explanation": "Which columns does the model use, and may it use them?",
    "scenarios": "Does the model behave as a person would expect in known situations?",
    "champion": "Is the candidate at least as good as the model in production?",
    "attempts": "Does the model still pass if the models of other runs of CI count as well?",
}

TASKS = {
    "binary": "one of two classes",
    "multiclass": "one of several classes",
    "regression": "a number",
}

_GONE = 8  # names of checks in a sentence

STALE_LOCK = "dvc.lock does not match this commit: run 'make package', and commit dvc.lock"


def headline(report: Report) -> str:
    """The conclusion in one line, with the gates that do not pass."""
    gates = [gate.gate for gate in report.gates if not gate.passes]
    named = f": {', '.join(gates)}" if gates and report.trouble is None else ""
    return f"{report.name} {says(report)}{named}"


def says(report: Report) -> str:
    """The conclusion, in words that suit both a merge and a release."""
    # What a reviewer must not miss comes first.
    but = _changes(report.contribution)
    if not report.releasable:
        return " and ".join(["does not pass", *but])
    but += ["dvc.lock is stale"] if report.stale_lock else []
    return "passes every gate" + (f", but {' and '.join(but)}" if but else "")


def conclusion(report: Report) -> Conclusion:
    """The conclusion as a colour or a sign."""
    if not report.releasable:
        return "fail"
    return "warn" if report.stale_lock or _changes(report.contribution) else "pass"


def predicts(report: Report) -> str:
    """What the model predicts; empty if the settings could not be read."""
    if report.task is None:
        return ""
    kind = TASKS[report.task]
    if 0 < len(report.classes) <= 4:
        kind += f" ({', '.join(report.classes)})"
    if report.positive is not None:
        kind += f"; the score is the probability of {report.positive}"
    return f"{report.target}: {kind}" if report.target else kind


def derived(report: Report) -> str:
    """A note on bounds that nobody has confirmed; empty if a person has."""
    if report.bounds != "derived":
        return ""
    return (
        "The bounds were derived from the data, and no person has confirmed them: they describe "
        "what this data achieves, not what the use case needs. Review params.yaml, and then write "
        "'bounds: confirmed' there."
    )


def next_steps(report: Report) -> list[str]:
    """What a person can do about findings that do not pass, in one or two sentences each."""
    steps = []
    if report.trouble is not None or any(g.findings and not completed(g) for g in report.gates):
        steps.append("Fix what interrupted the run, and run 'make package' again.")
    steps += _after_failures(report)
    if report.acceptable:
        steps.append(
            "A finding with too little evidence needs more rows, or what the finding itself "
            "recommends. Alternatively, a person accepts it by name, with a reason, in "
            "params.yaml; that change is reviewed like any other."
        )
        steps += _rows_of_data(report)
    return steps


# What to change if a finding of the gate fails.
_CURES = {
    "data-quality": "correct the data, or correct params.yaml if the data is right",
    "parity": "use another kind of model, or a larger parity.tolerance",
    "performance": "it needs a better candidate or better data",
    "fairness": "it needs a better candidate or better data",
    "explanation": "set 'use: ignored' for the column that it names",
    "scenarios": "change the candidate, or the scenario if that is wrong",
    "champion": "it needs a better candidate or better data",
    "attempts": "it needs a better candidate or better data",
}


def _after_failures(report: Report) -> list[str]:
    failed = [
        (gate.gate, finding)
        for gate in report.gates
        for finding in gate.findings
        if finding.status is Status.FAIL
    ]
    steps = []
    for gate in dict.fromkeys(gate for gate, _ in failed):
        cure = _CURES.get(gate, "correct what it names")
        steps.append(f"A finding of {gate} that fails cannot be accepted: {cure}.")
    if any(finding.bound and finding.bound.source.endswith(DERIVED) for _, finding in failed):
        steps.append(
            "A bound that failed was derived from earlier data. If the new data or model is "
            "correct, run 'sluice adopt --again' to derive the bounds again, or set the bound "
            "that the use case needs."
        )
    return steps


def _rows_of_data(report: Report) -> list[str]:
    """How many rows of data are needed for a number of holdout rows, if the splits are known."""
    holdout = report.splits.get("holdout")
    if not holdout:
        return []
    times = sum(report.splits.values()) / holdout
    return [
        f"The holdout is {100 / times:.0f} % of the data: 100 more holdout rows take about "
        f"{round(100 * times, -1):,.0f} more rows of data."
    ]


def contribution(made: Contribution) -> str:
    """How a contribution changes the way it is judged, in a few sentences."""
    said = _compared(made, "This contribution", "with the base branch")
    return " ".join(filter(None, [said, gone(made)]))


def since_champion(made: Contribution) -> str:
    """How this version is judged differently from the champion; several contributions may be the
    reason.
    """
    said = _compared(made, f"Since the champion {made.against}, this version", "with its own")
    return " ".join(filter(None, [said, gone(made)]))


def gone(made: Contribution) -> str:
    """Which scenarios and expectations are no longer checked; empty if all still are."""
    if not made.gone:
        return ""
    what = "1 check is" if len(made.gone) == 1 else f"{len(made.gone)} checks are"
    shown = ", ".join(made.gone[:_GONE])
    more = f" and {len(made.gone) - _GONE} more" if len(made.gone) > _GONE else ""
    return f"{what} gone since {made.against}: {shown}{more}."


def _compared(made: Contribution, who: str, compared_with: str) -> str:
    if made.predicted:
        what = ", ".join(f"{o.key}: {o.after} instead of {o.before}" for o in made.predicted)
        return (
            f"{who} changes what the model predicts ({what}). Its settings cannot be "
            f"compared {compared_with}: review every range, bound and acceptance as new."
        )
    if made.looser:
        return f"{who} {_loosens(made.looser)}."
    if any(one.kind == "changed" for one in made.settings):
        return f"{who} changes settings of the gates."
    if made.settings:
        return f"{who} changes settings of the gates; none becomes looser."
    return f"{who} changes files that determine how it is judged." if made.files else ""


def _changes(made: Contribution | None) -> list[str]:
    """How a contribution weakens the way it is judged."""
    if made and made.predicted:
        return ["changes what the model predicts"]
    return [_loosens(made.looser)] if made and made.looser else []


def _loosens(settings: int) -> str:
    return f"loosens {'1 setting' if settings == 1 else f'{settings} settings'} of the gates"


def standing(judged: Verdict | Finding) -> Standing:
    """The status of a verdict or finding; an accepted `insufficient` is a status of its own."""
    if judged.passes:
        return "pass" if judged.status is Status.PASS else "accepted"
    return "fail" if judged.status is Status.FAIL else "insufficient"


def status(judged: Verdict | Finding) -> str:
    """The status of a verdict or finding in words."""
    if isinstance(judged, Verdict) and not judged.findings:
        return "did not run"
    return WORDS[standing(judged)]
