"""Simulates the year: a drift check every day, and every other week ground truth and decision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from sluice import files
from sluice.model import Model
from sluice.monitor import log_files, windows
from sluice.monitor.rehearse.record import DayLog, Labels
from sluice.monitor.rehearse.traffic import Pool, Script, of_day
from sluice.monitor.run import Look
from sluice.monitor.summary import FileSummary, summarize
from sluice.package.archive import Package, opened
from sluice.project import Project

MARKER, LABELS = "rehearsal.json", "labels.csv"
_TRUTH_EVERY = 14  # days
_SAY_EVERY = 28  # days


class Said(msgspec.Struct, frozen=True):
    """What the monitors reported on a day, counted from 0. noticed: columns that differ, but not
    enough for an alarm.
    """

    day: int
    rows: int
    noticed: tuple[str, ...]
    alarms: tuple[str, ...]
    truth: str = ""
    decision: str = ""
    why: str = ""


class Rehearsal(msgspec.Struct, frozen=True):
    """A simulated year. first: the date of day 0. drifting: the input that drifts from day `drift`
    on.
    """

    first: str
    days: int
    drifting: str
    drift: tuple[int, int]
    concept: int
    said: tuple[Said, ...]
    labels: int

    def first_day(self, what: Callable[[Said], bool], since: int) -> int | None:
        """The first day from `since` on that fulfils a condition."""
        return next((said.day for said in self.said if said.day >= since and what(said)), None)


def play(
    project: Project,
    package: Path,
    folder: Path,
    script: Script,
    until: int | None = None,
    *,
    say: Callable[[str], None],
) -> Rehearsal:
    """Simulate the year that the script describes; the folder is emptied first if an earlier
    rehearsal wrote it.

    say: gets a line every four weeks, unless a progress bar is shown. until: the last day of the
    year (since 1970). By default, the year begins on the day after the package's commit, so that
    the age of the model grows as in production.
    """
    files.clear_folder(folder, MARKER)
    files.write(folder / MARKER, b"{}\n")
    with opened(package) as unpacked:
        pool = Pool.of(project, Model(unpacked.model))
        commit = unpacked.manifest.source.time // 86_400
        start = commit + 1 if until is None else until - script.days + 1
        played = _play(project, unpacked, pool, folder, script=script, start=start, say=say)
    files.write(folder / MARKER, files.encode_record(played))
    return played


def _play(
    project: Project,
    package: Package,
    pool: Pool,
    folder: Path,
    *,
    script: Script,
    start: int,
    say: Callable[[str], None],
) -> Rehearsal:
    from tqdm import tqdm

    log = DayLog(folder / "log", pool, package.manifest)
    labels = Labels(folder / LABELS, pool, script)
    made: list[FileSummary] = []
    said, known = [], 0
    for day in (bar := tqdm(range(script.days), "days", leave=False, disable=None)):
        random = np.random.default_rng([script.seed, day, 1])
        rows, truth = of_day(pool, script, day)
        written, times = log.write(start + day, rows, random)
        labels.add(start + day, times, truth, random)
        for path in written:
            file = log_files.find(str(path))[0]
            made.append(summarize(file, package.reference))
        look = Look(package, list(made), str(folder / "log"), start + day + 1, start + day)
        one = _of_day(look, day, len(rows))
        if (day + 1) % _TRUTH_EVERY == 0:
            known = labels.write(start + day)
            if known:
                one = _with_truth(look, one, folder / LABELS, project)
        said.append(one)
        if bar.disable and (day + 1) % _SAY_EVERY == 0:
            say(f"{day + 1} of {script.days} days simulated")
    return Rehearsal(
        windows.day(start).isoformat(),
        script.days,
        pool.drifting,
        script.drift,
        script.concept,
        tuple(said),
        known,
    )


def _of_day(look: Look, day: int, rows: int) -> Said:
    noticed = tuple(drift.name for drift in look.drifts if any(drift.noticed))
    alarms = tuple(drift.name for drift in look.drifts if any(drift.alarms))
    return Said(day, rows, noticed, alarms)


def _with_truth(look: Look, said: Said, labels: Path, project: Project) -> Said:
    verdict, facts = look.truth(labels)
    decision = look.decision(verdict, facts, project)
    return msgspec.structs.replace(
        said, truth=verdict.status.value, decision=decision.action, why=decision.why
    )


def lines(played: Rehearsal) -> list[str]:
    """The summary for a terminal: the injected changes, and when each monitor reported them."""
    drift, concept, name = played.drift[0], played.concept, played.drifting
    before = [s for s in played.said if s.day < drift]
    quiet = sum(bool(s.alarms) for s in before)
    return [
        f"{played.days} days from {played.first}, {sum(s.rows for s in played.said):,} rows, "
        f"{played.labels:,} labels",
        f"before the first change: {quiet} of {len(before)} days with an alarm",
        f"day {drift}: {name} drifts",
        _seen(played, "  noticed", drift, lambda s: name in s.noticed or name in s.alarms),
        _seen(played, "  alarm", drift, lambda s: name in s.alarms),
        _seen(played, "  decision to act", drift, lambda s: s.decision in ("retrain", "look")),
        f"day {concept}: outcomes follow another rule; inputs do not change",
        _seen(played, "  alarm of the ground truth", concept, lambda s: s.truth == "fail"),
        _seen(played, "  decision to retrain", concept, lambda s: s.decision == "retrain"),
    ]


def _seen(played: Rehearsal, what: str, since: int, test: Callable[[Said], bool]) -> str:
    day = played.first_day(test, since)
    return f"{what}: never" if day is None else f"{what}: day {day}, after {day - since} days"
