"""Input drift: do the model's inputs and scores still look like its training rows and holdout?

Alarms are limited by a yearly budget of false alarms: with F of them allowed, L checks a year and W
windows, the Benjamini-Hochberg procedure over the columns runs at level F/(L*W) in each window. The
expected number of days with a false alarm is then at most F, by linearity, even if the checks
depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sluice.config import Monitor
from sluice.monitor import windows
from sluice.monitor.column_drift import FLOORS, Compared, compare, rows_needed
from sluice.monitor.summary import Cell, FileSummary
from sluice.monitor.windows import DAYS, Subject, Window
from sluice.sketch.reference import Counted, Reference
from sluice.stats import two_sample
from sluice.verdict import Bound, Finding, Status, number, plain

GATE = "drift"
LOOKS = 365  # a year
_NOTICED = 0.05  # the false discovery rate of what is shown as noticed, without an alarm


@dataclass(frozen=True)
class ColumnDrift:
    """One column in all windows, the longest one last.

    alarms, noticed: whether it differs, in each window. needed: the rows in the longest window that
    would show a relevant difference; None if no number of rows is enough. has_ids: whether the rows
    have ids. unseen: some values that training did not have. since: the version whose rows alone
    are compared; empty for all.
    """

    reference: Counted
    windows: tuple[Window, ...]
    compared: tuple[Compared, ...]
    alarms: tuple[bool, ...]
    noticed: tuple[bool, ...]
    needed: int | None
    unseen: tuple[str, ...] = ()
    version: str = ""

    @property
    def name(self) -> str:
        return self.reference.bins.name


def alpha(settings: Monitor, reference: Reference) -> float:
    """The false discovery rate of the columns in one window of one check.

    The segments, if there are any, are tested at the same rate, so each gets half of the budget.
    """
    families = 1 if reference.segments is None else 2
    return settings.false_alarms_a_year / (LOOKS * len(DAYS) * families)


def measure(
    cells: Sequence[Cell],
    reference: Reference,
    subject: Subject,
    settings: Monitor,
    last: int,
) -> list[ColumnDrift]:
    """Compare every input and score in every window. last: the last day of the windows."""
    of_inputs = [windows.window(cells, days, last) for days in DAYS]
    own = windows.of_version(cells, subject)
    of_scores = [windows.window(own, days, last) for days in DAYS]
    once = reference.distinct / reference.rows
    compared = []
    for kind, looked, held in (
        ("features", of_inputs, reference.features),
        ("scores", of_scores, reference.scores),
    ):
        # The reference scores are of the holdout, whose rows are as independent as those of
        # training.
        shares = [(once, window.independent) for window in looked]
        for at, counted in enumerate(held):
            own_floor = settings.floors.get(counted.bins.name)
            tests = tuple(
                compare(
                    counted,
                    windows.total([getattr(c, kind)[at] for c in window.cells], counted.bins.size),
                    days=window.days,
                    floor=own_floor or FLOORS[window.days],
                    independent=share,
                )
                for window, share in zip(looked, shares, strict=True)
            )
            compared.append((counted, tuple(looked), tests, kind))
    rate = alpha(settings, reference)
    alarms, noticed = _decide([tests for _, _, tests, _ in compared], rate)
    return [
        ColumnDrift(
            counted,
            looked,
            tests,
            tuple(alarms[row].tolist()),
            tuple(noticed[row].tolist()),
            rows_needed(counted, tests[-1].freedom, tests[-1].floor, rate / len(compared)),
            _unseen(looked[-1], counted.bins.name),
            subject.version if kind == "scores" else "",
        )
        for row, (counted, looked, tests, kind) in enumerate(compared)
    ]


def _decide(tests: Sequence[Sequence[Compared]], rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Which columns raise alarms, and which are noticed, in each window: [columns, windows]."""
    alarm = np.array([[test.alarm for test in row] for row in tests])
    noticed = np.array([[test.noticed for test in row] for row in tests])
    alarms = [two_sample.rejected(alarm[:, at], rate) for at in range(len(DAYS))]
    seen = [two_sample.rejected(noticed[:, at], _NOTICED) for at in range(len(DAYS))]
    return np.column_stack(alarms), np.column_stack(seen)


def _unseen(window: Window, name: str) -> tuple[str, ...]:
    found = {value for cell in window.cells for value in cell.unseen.get(name, ())}
    return tuple(sorted(found))[:5]


def findings(
    drifts: Sequence[ColumnDrift],
    summaries: Sequence[FileSummary],
    subject: Subject,
) -> list[Finding]:
    """One finding for each column, or one finding if there are no records of this model."""
    if not any(drift.windows[-1].rows for drift in drifts):
        return [_nothing(summaries, drifts, subject)]
    differing = differences(summaries, subject)
    return [_finding(drift, differing.get(drift.name)) for drift in drifts]


def _nothing(
    summaries: Sequence[FileSummary], drifts: Sequence[ColumnDrift], subject: Subject
) -> Finding:
    others = sorted({cell.key.package for s in summaries for cell in s.cells} - {subject.package})
    when = str(drifts[0].windows[-1]) if drifts else ""
    what = f"no records of {subject.package!r} {when}"
    if not summaries:
        what = "the log has no files"
    elif others and not windows.cells_of(summaries, subject):
        what = f"the log has no records of {subject.package!r}, but of {', '.join(others)[:200]}"
    return Finding(
        f"{GATE}/rows", Status.INSUFFICIENT, f"{what}: check the folder and the package", n=0
    )


def differences(summaries: Sequence[FileSummary], subject: Subject) -> Mapping[str, str]:
    """Why a column cannot be compared in some files, with the number of files."""
    found: dict[tuple[str, str], int] = {}
    for summary in summaries:
        if any(cell.key.package == subject.package for cell in summary.cells):
            for name, why in summary.differences.items():
                found[name, why] = found.get((name, why), 0) + 1
    return {
        name: f"{why}, in {files:,} {'file' if files == 1 else 'files'}"
        for (name, why), files in sorted(found.items(), key=lambda item: item[1])
    }


def _finding(drift: ColumnDrift, difference: str | None) -> Finding:
    name, longest = f"{GATE}/{drift.name}", drift.compared[-1]
    alarmed = [at for at, alarm in enumerate(drift.alarms) if alarm]
    at = alarmed[-1] if alarmed else len(drift.compared) - 1
    test, window = drift.compared[at], drift.windows[at]
    bound = Bound("params.yaml: monitor, and a fixed rule of sluice", high=test.floor)
    size, n = plain(test.size), test.rows
    if alarmed:
        why = f"{_what(drift, at)} ({number(size)}, above {number(test.floor)})"
        return Finding(name, Status.FAIL, why, size, n=n, bound=bound)
    if difference and not n:
        why = (
            f"{difference}: the server logs the columns in --log-features, with their declared "
            "types"
        )
        return Finding(name, Status.INSUFFICIENT, why, n=0, bound=bound)
    counted = _rows(drift, len(drift.compared) - 1)
    if drift.needed is None or longest.rows * window.independent < drift.needed:
        what = "to find a shift of a quarter standard deviation"
        needed = f"the reference is too small {what}"
        if drift.needed:
            needed = f"about {drift.needed:,} independent ones are needed {what}"
        return Finding(name, Status.INSUFFICIENT, f"{counted}; {needed}", size, n=n, bound=bound)
    why = f"{counted}: no difference larger than {number(test.floor)}"
    if any(drift.noticed):
        place = max(at for at, seen in enumerate(drift.noticed) if seen)
        why = f"{counted}: noticed, but too small to matter: {_what(drift, place)}"
    if difference:
        why += f"; the column {difference}"
    return Finding(name, Status.PASS, why, size, n=n, bound=bound)


def _rows(drift: ColumnDrift, at: int) -> str:
    test, window = drift.compared[at], drift.windows[at]
    rows = f"{test.rows:,} rows {window}"
    if drift.version:
        rows = f"{test.rows:,} rows of {drift.version} {window}"
    if not window.has_ids and test.rows:
        return f"{rows}, without ids, so that repeated ones count as new"
    if window.independent < 0.9:
        return f"{rows}, of which {window.independent:.0%} count, because ids are repeated"
    return rows


def _what(drift: ColumnDrift, at: int) -> str:
    """What differs most in a window: the bin whose share has changed most."""
    bins, test = drift.reference.bins, drift.compared[at]
    before = drift.reference.array / max(1, drift.reference.array.sum())
    now = test.now / max(1, test.rows)
    places = {"missing": bins.missing, "unseen values": bins.other}
    place = places.get(test.part)
    if place is None:
        place = int(np.argmax(np.abs(now - before)[: bins.values]))
    title = bins.title(place)
    if place == bins.other and drift.unseen:
        title = f"unseen values such as {', '.join(map(repr, drift.unseen[:3]))}"
    return (
        f"{title}: {now[place]:.1%} of {_rows(drift, at)}, compared with {before[place]:.1%} of "
        f"the {'holdout' if drift.version else 'training rows'}"
    )
