"""Select the scored rows that are judged: those of weeks whose labels have arrived."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sluice.monitor.summary import Cell
from sluice.monitor.truth.evidence import Week
from sluice.monitor.truth.join import Joined

JUDGED_WEEKS = 4
# A week counts as complete with this share of the labels that other weeks have.
_ARRIVED = 0.8
_FEWEST = 30  # scored rows that a week needs to define what is complete


def weeks(cells: Sequence[Cell], joined: Joined, last: int) -> list[Week]:
    """The weeks of the log up to the day `last`, oldest first; the newest complete ones are judged.

    Labels of one outcome often arrive earlier than those of the other, so the labelled ones among
    the newest rows are not a fair sample.
    """
    days = [cell.key.day for cell in cells if cell.key.day <= last]
    if not days:
        return []
    count = (last - min(days)) // 7 + 1
    scored, labelled = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for cell in cells:
        if cell.key.day <= last:
            scored[(last - cell.key.day) // 7] += cell.rows
    inside = joined.days <= last
    np.add.at(labelled, np.clip((last - joined.days[inside]) // 7, 0, count - 1), 1)
    share = labelled / np.maximum(scored, 1)
    complete = float(share[scored >= min(_FEWEST, scored.max())].max())
    arrived = [at for at in range(count) if labelled[at] and share[at] >= _ARRIVED * complete]
    judged = set(arrived[:JUDGED_WEEKS])
    return [
        Week(last - 7 * at, int(scored[at]), int(labelled[at]), at in judged)
        for at in reversed(range(count))
    ]


def judged_days(found: Sequence[Week]) -> list[int]:
    """The days of the weeks that are judged."""
    return [week.last - back for week in found if week.judged for back in range(7)]
