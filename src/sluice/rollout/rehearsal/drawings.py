"""The plots of a rehearsal: weights, evidence and latencies over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sluice.report.plots import BLUE, GREY, ORANGE, VIOLET, svg
from sluice.rollout.rehearsal.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = (ORANGE, BLUE, VIOLET)


def weights(outcome: Outcome) -> Markup:
    """The shares of the arms over time."""

    def draw(axes: Axes) -> None:
        times = [0.0, *(change.at for change in outcome.changes), outcome.seconds]
        arms = {"stable": BLUE, "baseline": GREY, "canary": ORANGE}
        for arm, colour in arms.items():
            first = 100 if arm == "stable" else 0
            shares = [first, *(getattr(change.weights, arm) for change in outcome.changes)]
            dashed = "--" if arm == "baseline" else "-"
            axes.step(
                times, [*shares, shares[-1]], where="post", color=colour, label=arm, ls=dashed
            )
        axes.set(xlabel="seconds", ylabel="percent of the requests", ylim=(-3, 103))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(arms))

    return svg("Shares of the requests over time", draw)


def evidence(outcome: Outcome) -> Markup:
    """The evidence against the canary after each interval, and the threshold for a rollback."""

    def draw(axes: Axes) -> None:
        for (kind, values), colour in zip(outcome.evidence.items(), _COLOURS, strict=True):
            axes.plot(range(1, len(values) + 1), values, color=colour, label=kind)
            axes.axhline(outcome.rollback_at[kind], color=colour, linewidth=1, linestyle=":")
        axes.set(xlabel="interval", ylabel="evidence against the canary")
        _logarithmic(axes)
        axes.legend(loc="best")

    return svg("Evidence against the canary after each interval", draw)


def latencies(outcome: Outcome) -> Markup:
    """Median and 99th percentile of the callers' waiting time."""

    def draw(axes: Axes) -> None:
        times = [each.at for each in outcome.latencies]
        for name, colour in (("p99", ORANGE), ("median", BLUE)):
            values = [1000 * getattr(each, name) for each in outcome.latencies]
            axes.plot(times, values, color=colour, label=name, linewidth=1.2)
        axes.set(xlabel="seconds", ylabel="milliseconds")
        _logarithmic(axes)
        axes.legend(loc="best")

    return svg("Waiting time of the callers", draw)


def _logarithmic(axes: Axes) -> None:
    """Powers of ten at equal distances, written as numbers because formulas are shown as plain
    text.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
