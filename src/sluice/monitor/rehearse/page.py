"""The page of a simulated year: what was injected, and when each monitor reported it."""

from __future__ import annotations

from importlib.resources import files as resources
from typing import TYPE_CHECKING

from markupsafe import Markup

from sluice import templates
from sluice.monitor.rehearse.play import Rehearsal, lines
from sluice.report.plots import BLUE, GREY, INK, ORANGE, VIOLET, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ALARM = "#b3261e"
_MONTH = 28  # days


def as_html(played: Rehearsal) -> str:
    """One page that loads nothing."""
    style = resources("sluice.report").joinpath("report.css").read_text("utf-8")
    page = templates.html("sluice.monitor.rehearse").get_template("rehearsal.html.j2")
    return page.render(
        played=played,
        lines=lines(played),
        css=Markup(style),  # noqa: S704 - a file of the project
        days=_days(played),
        decisions=[said for said in played.said if said.decision],
    )


def _days(played: Rehearsal) -> Markup:
    """The columns that were noticed or raised alarms on each day, and the decisions above them."""
    most = max(3, *(len(said.noticed) + 1 for said in played.said))
    failed = [said.day for said in played.said if said.truth == "fail"]
    acted = [said.day for said in played.said if said.decision in ("retrain", "look")]

    def draw(axes: Axes) -> None:
        days = [said.day for said in played.said]
        axes.axvspan(*played.drift, color=ORANGE, alpha=0.12, linewidth=0, label="one input drifts")
        axes.axvspan(
            played.concept,
            played.days,
            color=VIOLET,
            alpha=0.12,
            linewidth=0,
            label="other outcomes",
        )
        noticed = [len(said.noticed) for said in played.said]
        axes.bar(days, noticed, width=1, color=GREY, alpha=0.6, label="columns noticed")
        alarms = [len(said.alarms) for said in played.said]
        axes.bar(days, alarms, width=1, color=_ALARM, label="columns with an alarm")
        axes.plot(failed, [1.06 * most] * len(failed), "x", color=INK, label="ground truth fails")
        axes.plot(acted, [1.15 * most] * len(acted), "v", color=BLUE, label="decision to act")
        axes.set(xlabel="day", ylabel="columns", ylim=(0, 1.22 * most), xlim=(-1, played.days + 3))
        axes.set_xticks(range(0, played.days + 1, 2 * _MONTH if played.days > 200 else _MONTH))
        axes.set_yticks(range(0, most + 1, max(1, most // 4)))
        axes.grid(visible=False, axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=3, fontsize=8)

    quiet = sum(bool(said.alarms) for said in played.said if said.day < played.drift[0])
    label = f"{quiet} of {played.drift[0]} days with an alarm before the first change"
    return svg(label, draw, width=8, height=3.2)
