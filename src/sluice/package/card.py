"""The model card (Mitchell et al., 2019): what the model is, who it is for, and how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from sluice.files import read_json
from sluice.markdown import escape
from sluice.metrics import METRICS
from sluice.project import Project
from sluice.verdict import Verdict, number

_MOST_IMPORTANT = 10  # columns that the card lists


def model_card(project: Project, verdicts: list[Verdict]) -> str:
    """The card as Markdown, from the files that the stages and gates of the project wrote."""
    from sluice import templates

    settings = project.settings
    selection = read_json(project.selection)
    measured = read_json(project.evidence("performance") / "metrics.json")
    importance = read_json(project.evidence("explanation") / "importance.json")
    chosen = selection["chosen"]
    return (
        templates.markdown("sluice.package")
        .get_template("model-card.md.j2")
        .render(
            settings=settings,
            selection=selection,
            chosen=chosen,
            sampled=read_json(project.sampled) if project.sampled.is_file() else None,
            candidate=settings.candidates[chosen],
            threshold=selection["candidates"][chosen]["decision"]["threshold"],
            classes=_list(settings.classes),
            costs=_list(f"{name} {value:g}" for name, value in settings.selection.costs.items()),
            numbers=sum(settings.columns[name].numeric for name in settings.features),
            sensitive=_list(settings.data.sensitive),
            sensitive_inputs=_list(settings.data.sensitive_inputs),
            holdout_rows=measured["rows"],
            metrics=[_metric(n, value) for n, value in measured["metrics"].items() if n in METRICS],
            fairness=[f for v in verdicts if v.gate == "fairness" for f in v.findings],
            importance=[row for row in importance[:_MOST_IMPORTANT] if row["share"] is not None],
            accepted=[f for v in verdicts for f in v.findings if f.accepted is not None],
            number=_number,
        )
    )


def _list(values: Iterable[str]) -> Markup:
    return Markup(", ".join(map(escape, values)))  # noqa: S704  (each is escaped)


def _metric(name: str, value: dict[str, Any]) -> tuple[str, str, str, str]:
    """The cells of a metric's row: name, estimate, confidence interval and meaning."""
    interval = "undefined"
    if value["low"] is not None:
        interval = f"{_number(value['low'])} to {_number(value['high'])}"
    return name, _number(value["estimate"]), interval, METRICS[name].meaning


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)
