"""Plots as SVG elements for an HTML page. The same data gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from sluice.report import formatting
from sluice.report.evidence import (
    CalibrationGroup,
    ColumnImportance,
    ConfusionCell,
    CostPoint,
    GroupComparison,
    Measurement,
    PrecisionRecallPoint,
    ResidualPoint,
    RocPoint,
    SegmentBars,
)
from sluice.text import clip, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREY, INK, GRID = "#2b6ca3", "#c8741a", "#8b95a5", "#1f2937", "#e3e7ed"
VIOLET, GREEN, DEEP = "#7a6aa8", "#3c7f6b", "#1d4f80"

_EFFECT_COLOURS = {"raises": ORANGE, "lowers": BLUE, "mixed": VIOLET, None: GREY}
_COLUMN_COLOURS = (BLUE, ORANGE, VIOLET, GREEN)

MOST_BARS = 14
_MOST_GROUPS = 24
_MOST_CLASSES = 12
_LONGEST_LABEL = 24

_STYLE: Any = {
    # Keep text as text, so that it can be searched and the page chooses the typeface.
    "svg.fonttype": "none",
    "svg.hashsalt": "sluice",
    # A column's name may look like a formula.
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "legend.frameon": False,
}


def roc(points: tuple[RocPoint, ...], area: float | None) -> Markup:
    """The ROC curve, and the line of guessing. area: ROC AUC."""

    def draw(axes: Axes) -> None:
        _square(axes, "false positive rate", "true positive rate")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(
            [p.false_positive_rate for p in points],
            [p.true_positive_rate for p in points],
            color=BLUE,
        )

    return svg(f"ROC curve, area under it {formatting.number(area)}", draw)


def precision_recall(points: tuple[PrecisionRecallPoint, ...], average: float | None) -> Markup:
    """The precision-recall curve. average: average precision."""

    def draw(axes: Axes) -> None:
        _square(axes, "recall", "precision")
        axes.plot([p.recall for p in points], [p.precision for p in points], color=BLUE)

    return svg(f"Precision-recall curve, average precision {formatting.number(average)}", draw)


def calibration(points: tuple[CalibrationGroup, ...]) -> Markup:
    """The share of positives by mean score, and the line on which both are equal."""

    def draw(axes: Axes) -> None:
        _square(axes, "mean score", "share of positives")
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(
            [p.score for p in points],
            [p.frequency for p in points],
            color=BLUE,
            marker="o",
            markersize=5,
        )

    gap = max(abs(p.score - p.frequency) for p in points)
    groups = f"{len(points)} groups of equal size"
    return svg(f"Calibration in {groups}, largest gap {formatting.number(gap)}", draw)


def cost(points: tuple[CostPoint, ...], threshold: float | None) -> Markup:
    """Mean cost of a row by threshold. threshold: the chosen one, if there is one."""

    def draw(axes: Axes) -> None:
        axes.set(xlabel="threshold", ylabel="mean cost per row", xlim=(0, 1))
        axes.plot([p.threshold for p in points], [p.cost for p in points], color=BLUE)
        axes.set_ylim(bottom=0)
        if threshold is not None:
            axes.axvline(threshold, color=ORANGE, linewidth=1.5)
            side = "left" if threshold < 0.6 else "right"
            axes.annotate(
                f"chosen: {formatting.number(threshold)}",
                (threshold, 0.04),
                xycoords=("data", "axes fraction"),
                xytext=(6 if side == "left" else -6, 0),
                textcoords="offset points",
                ha=side,
                color=ORANGE,
            )

    chosen = "" if threshold is None else f", chosen threshold {formatting.number(threshold)}"
    return svg(f"Mean cost by threshold{chosen}", draw)


def segment_gains(bars: SegmentBars) -> Markup:
    """How many segments have a gain in each range, and the line of no gain."""
    total = sum(bars.segments)

    def draw(axes: Axes) -> None:
        axes.set(xlabel="gain over the model for all rows", ylabel="segments")
        axes.stairs(bars.segments, bars.edges, fill=True, color=BLUE)
        axes.axvline(0, color=GREY, linewidth=1, linestyle=(0, (3, 3)))

    return svg(f"Gains of {total:,} segments from their own models", draw)


def confusion(cells: tuple[ConfusionCell, ...]) -> Markup | None:
    """Rows per cell, shaded by the share of the actual class; None with more than 12 classes."""
    actual = list(dict.fromkeys(cell.actual for cell in cells))
    predicted = list(dict.fromkeys(cell.predicted for cell in cells))
    if len(actual) > _MOST_CLASSES or len(predicted) > _MOST_CLASSES:
        return None
    total = {name: sum(c.rows for c in cells if c.actual == name) for name in actual}

    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for cell in cells:
            x, y = predicted.index(cell.predicted), actual.index(cell.actual)
            share = cell.rows / total[cell.actual] if total[cell.actual] else 0.0
            shade = Rectangle(
                (x - 0.48, y - 0.48), 0.96, 0.96, color=DEEP, alpha=0.06 + 0.85 * share
            )
            axes.add_patch(shade)
            said = f"{cell.rows:,}" if len(actual) > 4 else f"{cell.rows:,}\n{share:.0%}"
            ink = "white" if share > 0.6 else INK
            axes.text(x, y, said, ha="center", va="center", color=ink, fontsize=_fit(len(actual)))
        axes.set(xlim=(-0.5, len(predicted) - 0.5), ylim=(len(actual) - 0.5, -0.5))
        short = [_short(name, 10) for name in predicted]
        turn = 45 if sum(map(len, short)) > 30 else 0
        axes.set_xticks(range(len(predicted)), short, rotation=turn)
        axes.set_yticks(range(len(actual)), [_short(name, 10) for name in actual])
        axes.set(xlabel="predicted", ylabel="actual")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)

    return svg(f"Confusion matrix of {len(actual)} classes", draw)


def importance(columns: tuple[ColumnImportance, ...]) -> Markup:
    """Bars of the most important columns, coloured by what a higher value does to the score."""
    top = columns[:MOST_BARS]

    def draw(axes: Axes) -> None:
        sizes = [100 * (c.share or 0.0) for c in top]
        axes.barh(range(len(top)), sizes, color=[_EFFECT_COLOURS[c.sign] for c in top], height=0.68)
        axes.set_yticks(range(len(top)), [_short(c.column, _LONGEST_LABEL) for c in top])
        axes.set(xlabel="share of the total importance, %", ylim=(len(top) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        for row, size in enumerate(sizes):
            axes.annotate(
                f"{size:.0f}",
                (size, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=INK,
            )

    label = f"Importance: {_short(top[0].column, _LONGEST_LABEL)} first" if top else "Importance"
    return svg(label, draw, width=4.8, height=0.8 + 0.23 * len(top))


def fairness(groupings: tuple[GroupComparison, ...], measure: str) -> Markup | None:
    """One measure of each group with its interval; None if no group has it."""
    seen = [
        (group.group, group.measures.get(measure, Measurement(None)))
        for grouping in groupings
        if len(grouping.columns) == 1
        for group in grouping.groups
    ]
    dots = [(name, m.estimate, m) for name, m in seen if m.estimate is not None][:_MOST_GROUPS]
    if not dots:
        return None
    columns = list(dict.fromkeys(name.partition("=")[0] for name, _, _ in dots))

    def draw(axes: Axes) -> None:
        for row, (name, estimate, span) in enumerate(dots):
            colour = _COLUMN_COLOURS[columns.index(name.partition("=")[0]) % len(_COLUMN_COLOURS)]
            if span.low is not None and span.high is not None:
                axes.plot([span.low, span.high], [row, row], color=colour, alpha=0.45)
            axes.plot([estimate], [row], "o", color=colour, markersize=6)
        axes.set_yticks(range(len(dots)), [_short(name, _LONGEST_LABEL) for name, _, _ in dots])
        axes.set(xlabel=formatting.metric(measure), ylim=(len(dots) - 0.4, -0.6))
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.08)
        axes.locator_params(axis="x", nbins=4)

    label = f"{formatting.metric(measure)} of {len(dots)} groups"
    return svg(label, draw, height=0.7 + 0.25 * len(dots))


def residuals(points: tuple[ResidualPoint, ...]) -> Markup:
    """Actual minus predicted values, by predicted value."""

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=GREY, linewidth=1)
        axes.plot(
            [p.predicted for p in points],
            [p.actual - p.predicted for p in points],
            "o",
            color=BLUE,
            markersize=4,
            alpha=0.65,
            markeredgewidth=0,
        )
        axes.set(xlabel="predicted", ylabel="actual − predicted")

    return svg("Residuals over the predictions", draw)


def _short(name: str, most: int) -> str:
    return clip(printable(name), most)


def _square(axes: Axes, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.01))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])


def _fit(classes: int) -> float:
    return 12 if classes <= 2 else max(6.0, 11 - 0.5 * classes)


def svg(
    label: str, draw: Callable[[Axes], None], width: float = 3.4, height: float = 2.7
) -> Markup:
    """An <svg> element, with `label` for screen readers."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _style():
        figure = Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        made = io.StringIO()
        bare = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        # `print_figure` would draw everything twice, with the same result.
        FigureCanvasSVG(figure).print_svg(made, metadata=bare)  # type: ignore[no-untyped-call]
    element = made.getvalue().partition("<svg ")[2]
    return Markup(  # noqa: S704 - matplotlib escapes texts, and the label is escaped here
        f'<svg role="img" aria-label="{escape(printable(label))}" {element.strip()}'
    )


def _style() -> AbstractContextManager[None]:
    from matplotlib import rc_context

    return rc_context(_STYLE)
