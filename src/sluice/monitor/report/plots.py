"""The plots of the report on production, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sluice.monitor import windows
from sluice.monitor.report.record import AlarmDay, ColumnNow
from sluice.monitor.truth.evidence import Truth, Week
from sluice.report.formatting import number
from sluice.report.plots import BLUE, GREY, INK, ORANGE, svg
from sluice.text import clip, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BINS = 24
_ALARM = "#b3261e"


def column(now: ColumnNow) -> Markup:
    """The shares of rows in each bin, in the reference and in the window."""
    shown = list(range(len(now.bins)))
    if not now.ordered and len(shown) > _MOST_BINS:
        shown = sorted(shown, key=lambda k: -abs(now.now[k] - now.before[k]))[:_MOST_BINS]

    def draw(axes: Axes) -> None:
        places = range(len(shown))
        before = [100 * now.before[k] for k in shown]
        current = [100 * now.now[k] for k in shown]
        colour = {"alarm": _ALARM, "noticed": ORANGE, "same": BLUE}[now.standing]
        axes.bar(places, before, width=0.9, color=GREY, alpha=0.45, label="reference")
        axes.step(
            [-0.5, *(k + 0.5 for k in places)],
            [current[0] if current else 0, *current],
            where="pre",
            color=colour,
            linewidth=1.6,
            label="now",
        )
        labels = [clip(printable(now.bins[k]), 14) for k in shown]
        few = len(shown) <= 6
        kept = list(places) if few else [0, len(shown) - 1]
        axes.set_xticks(kept, [labels[k] for k in kept], fontsize=7)
        axes.set(ylabel="% of rows")
        axes.grid(visible=False, axis="x")

    said = {"alarm": "alarm", "noticed": "noticed", "same": "no difference"}[now.standing]
    label = f"{printable(now.name)}: {said}, size {number(now.size)}"
    return svg(label, draw, width=2.5, height=1.6)


def alarms(days: tuple[AlarmDay, ...]) -> Markup:
    """How many columns were noticed, and how many raised alarms, at the end of each day."""

    def draw(axes: Axes) -> None:
        places = range(len(days))
        axes.bar(places, [len(d.noticed) for d in days], color=ORANGE, alpha=0.5, label="noticed")
        axes.bar(places, [len(d.alarms) for d in days], color=_ALARM, label="alarm")
        kept = sorted({0, len(days) // 2, len(days) - 1})
        axes.set_xticks(kept, [windows.day(days[k].day).isoformat() for k in kept])
        axes.set(ylabel="columns", ylim=(0, max(3, *(len(d.noticed) for d in days))))
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)

    count = sum(bool(d.alarms) for d in days)
    return svg(f"{count} of {len(days)} days with an alarm", draw, width=7, height=1.9)


def performance(truth: Truth, name: str) -> Markup | None:
    """The selection's metric of each week with its interval; None without labels."""
    known = [(week, week.value[0]) for week in truth.weeks if week.value[0] is not None]
    if not known:
        return None
    promised = next((m.promised for m in truth.metrics if m.name == truth.metric), None)

    def draw(axes: Axes) -> None:
        for at, (week, estimate) in enumerate(known):
            colour = INK if week.judged else GREY
            _, low, high = week.value
            if low is not None and high is not None:
                axes.plot([at, at], [low, high], color=colour, alpha=0.5)
            axes.plot([at], [estimate], "o", color=colour, markersize=5)
        if promised and promised[0] is not None:
            axes.axhline(promised[0], color=BLUE, linewidth=1.2)
            if promised[1] is not None and promised[2] is not None:
                axes.axhspan(promised[1], promised[2], color=BLUE, alpha=0.12, linewidth=0)
        kept = sorted({0, len(known) // 2, len(known) - 1})
        axes.set_xticks(kept, [_ends(known[k][0]) for k in kept])
        axes.set(ylabel=name)

    return svg(f"{name} of {len(known)} weeks", draw, width=7, height=2.3)


def _ends(week: Week) -> str:
    return f"week to {windows.day(week.last)}"
