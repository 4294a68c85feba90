"""The report as one page that needs nothing but itself: no network, no script."""

from __future__ import annotations

import msgspec
from markupsafe import Markup, escape

from sluice.report import acceptance, compare, plots, wording
from sluice.report.facts import Facts
from sluice.verdict import Finding

# Beyond this many lines a list is for report.json.
_FINDINGS = 2_000
_MEASURES = 9


class Plot(msgspec.Struct, frozen=True):
    drawing: Markup
    title: str
    caption: str


def render(facts: Facts, base: Facts | None = None) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sluice.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    compared = _compared(facts)
    return environment.get_template("report.html.j2").render(
        facts=facts,
        base=base,
        words=wording,
        # Markup, or its lines would be joined into one.
        accepting=escape(acceptance.lines(facts.acceptable)) if facts.acceptable else "",
        numbers=compare.performance(facts, base),
        disparities=compare.fairness(facts, base),
        curves=_curves(facts),
        groups=[(one, compare.measures(facts, one)) for one in facts.fairness],
        fair=_fair(facts, compared[:_MEASURES]),
        undrawn=len(compared[_MEASURES:]),
        importance=plots.importance(facts.importance) if facts.importance else None,
        behaviour={
            name: _findings(facts, name) for name in ("scenarios", "data-quality", "parity")
        },
        beside=compare.champion(facts),
        most=_FINDINGS,
    )


def _shown(value: object) -> object:
    # Markup is the page's own.
    return wording.visible(value) if type(value) is str else value


def _curves(facts: Facts) -> list[Plot]:
    curves, metrics = facts.curves, facts.performance.metrics if facts.performance else {}
    drawn = []

    def area(name: str) -> float | None:
        return metrics[name].estimate if name in metrics else None

    if curves.roc:
        drawing = plots.roc(curves.roc, area("roc_auc"))
        caption = "True against false positives, at every threshold; the dashes are guessing."
        drawn.append(Plot(drawing, "ROC curve", caption))
    if curves.precision_recall:
        drawing = plots.precision_recall(curves.precision_recall, area("average_precision"))
        caption = (
            "How many of the predicted positives are right, as more of all positives are found."
        )
        drawn.append(Plot(drawing, "Precision-recall curve", caption))
    if curves.calibration:
        drawing = plots.calibration(curves.calibration)
        caption = "On the dashes, a score means what it says."
        drawn.append(Plot(drawing, "Calibration", caption))
    if curves.cost:
        drawing = plots.cost(curves.cost, facts.threshold)
        caption = "What errors cost, by where the line is drawn; chosen on other rows than these."
        drawn.append(Plot(drawing, "Cost of errors", caption))
    if curves.confusion and (matrix := plots.confusion(curves.confusion)):
        caption = "Rows by actual and predicted class, as shares of the actual."
        if facts.task == "binary" and len(facts.classes) == 2:
            caption += f" Negative is {facts.classes[0]}, positive {facts.classes[1]}."
        drawn.append(Plot(matrix, "Confusion matrix", caption))
    if curves.residuals:
        drawing = plots.residuals(curves.residuals)
        caption = "How far off, and in which direction, at each height of the prediction."
        drawn.append(Plot(drawing, "Residuals", caption))
    return drawn


def _compared(facts: Facts) -> list[str]:
    """What is measured of the groups of single sensitive columns, what a bound holds first."""
    single = [grouping for grouping in facts.fairness if len(grouping.columns) == 1]
    return list(dict.fromkeys(name for one in single for name in compare.measures(facts, one)))


def _fair(facts: Facts, measures: list[str]) -> list[Plot]:
    caption = "Each dot is a group, the bar behind it its interval."
    drawn = [(name, plots.fairness(facts.fairness, name)) for name in measures]
    return [Plot(plot, wording.metric(name).capitalize(), caption) for name, plot in drawn if plot]


def _findings(facts: Facts, gate: str) -> tuple[Finding, ...]:
    verdict = facts.gate(gate)
    return verdict.findings if verdict else ()
