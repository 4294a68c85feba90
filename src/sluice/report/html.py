"""The report as one HTML page that loads nothing: no network access, no script."""

from __future__ import annotations

import msgspec
from markupsafe import Markup, escape

from sluice.report import acceptance, formatting, plots, tables, wording
from sluice.report.record import Report

# Longer lists are in report.json only.
_MOST_FINDINGS = 2_000
_MOST_FAIRNESS_PLOTS = 9
# Gates without a section of their own, whose findings are listed at the end.
_LISTED_GATES = ("scenarios", "data-quality", "parity")


class Figure(msgspec.Struct, frozen=True):
    """A plot with its title and a sentence on how to read it."""

    drawing: Markup
    title: str
    caption: str


def render(report: Report, base: Report | None = None) -> str:
    """The page. base: an earlier report to compare with."""
    from sluice import templates

    environment = templates.html("sluice.report")
    measures = _measures_of_single_columns(report)
    return environment.get_template("report.html.j2").render(
        report=report,
        base=base,
        words=wording,
        format=formatting,
        interval=f"{100 * (report.confidence or 0.95):g} % interval",
        # Markup, because plain text would lose its line breaks.
        accept_lines=escape(acceptance.lines(report.acceptable)) if report.acceptable else "",
        metric_rows=tables.performance(report, base),
        fairness_rows=tables.fairness(report, base),
        champion_rows=tables.champion(report),
        curves=_curves(report),
        segment_gains=_segment_gains(report),
        groups=[(one, tables.measures(report, one)) for one in report.fairness],
        fairness_plots=_fairness_plots(report, measures[:_MOST_FAIRNESS_PLOTS]),
        measures_without_plot=len(measures[_MOST_FAIRNESS_PLOTS:]),
        importance=plots.importance(report.importance) if report.importance else None,
        listed={gate: report.findings(gate) for gate in _LISTED_GATES},
        most_findings=_MOST_FINDINGS,
        most_importance=plots.MOST_BARS,
    )


def _curves(report: Report) -> list[Figure]:
    """The plots of the task; those whose data is missing are left out."""
    curves = report.curves
    figures = []
    if curves.roc:
        drawing = plots.roc(curves.roc, _metric(report, "roc_auc"))
        caption = (
            "True positive rate against false positive rate at every threshold; the dashed line "
            "is guessing."
        )
        figures.append(Figure(drawing, "ROC curve", caption))
    if curves.precision_recall:
        average = _metric(report, "average_precision")
        drawing = plots.precision_recall(curves.precision_recall, average)
        caption = (
            "The share of predicted positives that are right, against the share of positives found."
        )
        figures.append(Figure(drawing, "Precision-recall curve", caption))
    if curves.calibration:
        drawing = plots.calibration(curves.calibration)
        caption = "On the dashed line, the mean score equals the share of positives."
        figures.append(Figure(drawing, "Calibration", caption))
    if curves.cost:
        drawing = plots.cost(curves.cost, report.threshold)
        caption = (
            "Mean cost of errors by threshold, on the holdout; the threshold was chosen on the "
            "validation rows."
        )
        figures.append(Figure(drawing, "Cost of errors", caption))
    if curves.confusion and (matrix := plots.confusion(curves.confusion)):
        caption = "Rows by actual and predicted class, with their share of the actual class."
        if report.task == "binary" and len(report.classes) == 2:
            caption += f" Negative is {report.classes[0]}, positive {report.classes[1]}."
        figures.append(Figure(matrix, "Confusion matrix", caption))
    if curves.residuals:
        drawing = plots.residuals(curves.residuals)
        caption = "Actual minus predicted value, by the predicted value."
        figures.append(Figure(drawing, "Residuals", caption))
    return figures


def _segment_gains(report: Report) -> list[Figure]:
    found = report.segments
    if found is None or not found.gains.segments:
        return []
    caption = (
        "How many segments gain how much from their own model: the decrease of the mean loss on "
        "the holdout. Left of the dashed line, the model for all rows is better."
    )
    return [Figure(plots.segment_gains(found.gains), "Gains of the segments", caption)]


def _metric(report: Report, name: str) -> float | None:
    metrics = report.performance.metrics if report.performance else {}
    return metrics[name].estimate if name in metrics else None


def _measures_of_single_columns(report: Report) -> list[str]:
    """The measures of the groups of single sensitive columns; those with a bound come first."""
    single = [groups for groups in report.fairness if len(groups.columns) == 1]
    return list(dict.fromkeys(name for one in single for name in tables.measures(report, one)))


def _fairness_plots(report: Report, measures: list[str]) -> list[Figure]:
    caption = "Each dot is a group; the bar is its confidence interval."
    drawn = [(name, plots.fairness(report.fairness, name)) for name in measures]
    return [
        Figure(plot, formatting.metric(name).capitalize(), caption) for name, plot in drawn if plot
    ]
