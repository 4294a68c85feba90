"""The model card (Mitchell et al., 2019): what the model is, for whom, and how well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.config import Settings
from sluice.files import read_json
from sluice.markdown import escape
from sluice.metrics import METRICS
from sluice.project import Project
from sluice.verdict import Verdict, number


def model_card(project: Project, verdicts: list[Verdict]) -> str:
    """Markdown, from the same evidence as the report."""
    settings = project.settings
    selection = read_json(project.selection)
    measured = read_json(project.evidence("performance") / "metrics.json")
    importance = read_json(project.evidence("explanation") / "importance.json")
    sections = (
        _model(settings, selection),
        _data(settings, measured["rows"]),
        _performance(measured),
        _fairness(settings, verdicts),
        _rests_on(importance),
        _limits(verdicts),
    )
    return "\n".join(line for section in sections for line in section)


def _model(settings: Settings, selection: dict[str, Any]) -> Iterator[str]:
    chosen = selection["chosen"]
    candidate = settings.candidates[chosen]
    yield f"# Model card: {settings.name}\n"
    yield "## Model\n"
    yield f"- Task: {settings.task}, predicts {escape(settings.data.target)}"
    if settings.classes:
        yield f"- Classes: {', '.join(map(escape, settings.classes))}"
    yield f"- Candidate: `{chosen}`, a {candidate.model} model, of {len(settings.candidates)} tried"
    for name, value in sorted(candidate.parameters.items()):
        yield f"  - {name}: {value}"
    yield f"- Chosen by {selection['metric']} on {selection['validation_rows']:,} validation rows"
    threshold = selection["candidates"][chosen]["decision"]["threshold"]
    if threshold is not None:
        positive = escape(settings.classes[1])
        yield f"- Decides for {positive} from a score of {threshold}, tuned on validation"
    costs = ", ".join(
        f"{escape(name)} {value:g}" for name, value in settings.selection.costs.items()
    )
    yield f"- Costs of errors: {costs or 'all alike'}\n"


def _data(settings: Settings, holdout: int) -> Iterator[str]:
    numbers = sum(settings.columns[name].numeric for name in settings.features)
    yield "## Data\n"
    yield "See the datasheet beside this card and `data/data.json` in the package.\n"
    yield f"- Inputs: {len(settings.features)}, of them {numbers} numbers, the others categories"
    yield f"- Measured on {holdout:,} held-out rows that neither training nor tuning saw\n"


def _performance(measured: dict[str, Any]) -> Iterator[str]:
    yield "## Performance\n"
    yield "| metric | estimate | interval | meaning |"
    yield "|---|---|---|---|"
    for name, value in measured["metrics"].items():
        if name not in METRICS:
            continue
        span = _span(value)
        yield f"| {name} | {_number(value['estimate'])} | {span} | {METRICS[name].meaning} |"
    yield ""


def _fairness(settings: Settings, verdicts: list[Verdict]) -> Iterator[str]:
    yield "## Fairness\n"
    if not settings.data.sensitive:
        yield "No sensitive column was named, so the treatment of groups was not compared.\n"
        return
    audited = ", ".join(map(escape, settings.data.sensitive))
    inputs = ", ".join(map(escape, settings.data.sensitive_inputs))
    yield f"Audited by {audited}, alone and together."
    yield f"Model inputs among them: {inputs or 'none'}.\n"
    findings = [f for v in verdicts if v.gate == "fairness" for f in v.findings]
    yield "| between groups | estimate | bound | says |"
    yield "|---|---|---|---|"
    for f in findings:
        name = escape(f.name.removeprefix("fairness/"))
        yield f"| {name} | {_number(f.estimate)} | {f.bound or ''} | {f.status.value} |"
    yield ""


def _rests_on(importance: list[dict[str, Any]]) -> Iterator[str]:
    yield "## What it rests on\n"
    for row in importance[:10]:
        if row["share"] is None:
            continue
        direction = f", a higher value {row['sign']} the score" if row["sign"] else ""
        direction = "" if row["sign"] == "mixed" else direction
        yield f"- {escape(row['column'])}: {row['share']:.1%} of the importance{direction}"
    yield ""


def _limits(verdicts: list[Verdict]) -> Iterator[str]:
    yield "## Limits\n"
    accepted = [f for verdict in verdicts for f in verdict.findings if f.accepted is not None]
    for finding in accepted:
        yield f"- Accepted without enough evidence: {escape(finding.name)}: {escape(finding.why)}"
        yield f"  - Reason given: {escape(finding.accepted or '')}"
    if not accepted:
        yield "- Every gate had enough evidence; nothing was accepted without."
    yield "- Holds for data like the data it was made from; the gates say nothing of other data.\n"


def _span(value: dict[str, Any]) -> str:
    if value["low"] is None:
        return "undefined"
    return f"{_number(value['low'])} to {_number(value['high'])}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)
