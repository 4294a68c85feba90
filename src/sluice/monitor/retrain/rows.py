"""Which of the scored rows are new to the data, and whether they may be added to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.monitor.retrain import scored
from sluice.monitor.retrain.scored import ScoredRows
from sluice.monitor.run import Look
from sluice.monitor.truth.join import ScoredLog
from sluice.project import Project
from sluice.verdict import Bound, Finding, Status

if TYPE_CHECKING:
    from pandas import DataFrame, Series

GATE = "new-rows"
_RULE = "a fixed rule of sluice"
_MOST_RESCORED = 0.01
_EQUAL = 1e-9  # the relative tolerance for equal numbers, because text loses digits


@dataclass(frozen=True)
class NewRows:
    """frame: [n] rows with the columns of the data. ids: [n] as the split has them."""

    frame: DataFrame
    ids: set[object]
    findings: list[Finding]


def find(look: Look, labels: Path, project: Project) -> NewRows:
    """The labelled rows that the data does not have yet, and the reasons against adding them."""
    settings = project.settings
    if settings.data.id is None:
        raise SluiceError(
            "params.yaml: data.id names no column, so new rows cannot be distinguished from those "
            "that the data already has: name the column with the id of each row"
        )
    held = table.read_raw(project.data, settings.columns)
    log = ScoredLog(look.log_place, look.summaries, look.reference, look.subject)
    found = scored.find(labels, log, settings, list(held.columns))
    _require_usable_ids(found.frame, settings)
    typed = table.typed(found.frame, settings.columns, strict=False)
    before = table.typed(held, settings.columns, strict=False)
    colliding, known = _known(typed, before, settings)
    fresh = ~known
    findings = [
        _number(int(fresh.sum()), int(known.sum())),
        _collisions(typed[settings.data.id][colliding], settings.data.id),
        _rescored(found),
    ]
    ids = set(typed[settings.data.id][fresh])
    return NewRows(found.frame[fresh].reset_index(drop=True), ids, findings)


def _require_usable_ids(frame: DataFrame, settings: Settings) -> None:
    """One id that is not a number would turn all ids of a CSV file into texts."""
    name = str(settings.data.id)
    if not settings.columns[name].numeric:
        return
    for value in frame[name]:
        try:
            float(value)
        except ValueError:
            raise SluiceError(
                f"the log has the id {str(value)[:60]!r}, but {name!r} is a number in the data: "
                "send ids of the same kind"
            ) from None


def _known(new: DataFrame, old: DataFrame, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Masks of shape [n] of the new rows: whose id belongs to a different row in the data, and
    whose id is in the data at all.

    A row that differs only in its target is the same row with a corrected label.
    """
    import pandas as pd

    name = settings.data.id
    if not old[name].is_unique:
        raise SluiceError(f"the data has the same {name!r} twice: correct the data first")
    place = pd.Index(old[name]).get_indexer_for(pd.Index(new[name]))
    known = place >= 0
    same = np.ones(len(new), bool)
    for column, spec in settings.columns.items():
        if column in (name, settings.data.target):
            continue
        now, then = new[column].to_numpy(), old[column].to_numpy()[np.maximum(place, 0)]
        if spec.numeric:
            same &= np.isclose(now.astype(float), then.astype(float), _EQUAL, 0, equal_nan=True)
        else:
            same &= now == then
    return known & ~same, known


def _number(new: int, known: int) -> Finding:
    name = f"{GATE}/number"
    why = f"{new:,} new labelled rows; the data has {known:,} others already"
    if new:
        return Finding(name, Status.PASS, why, float(new), n=new)
    return Finding(name, Status.INSUFFICIENT, f"no new labelled rows: {why}", 0.0, n=0)


def _collisions(ids: Series, name: str | None) -> Finding:
    bound = Bound(_RULE, high=0.0)
    said = f"{GATE}/ids that the data has"
    if not len(ids):
        why = "no id belongs to one row in the data and to another one in the log"
        return Finding(said, Status.PASS, why, 0.0, bound=bound)
    some = ", ".join(label(value)[:60] for value in ids[:3])
    why = (
        f"{len(ids):,} ids belong to other rows in the data, such as {some}: the column {name!r} "
        "must identify one scored row, and not, for example, a customer; correct the ids"
    )
    return Finding(said, Status.FAIL, why, float(len(ids)), n=len(ids), bound=bound)


def _rescored(found: ScoredRows) -> Finding:
    total = len(found.frame) + found.rescored_ids
    share = found.rescored_ids / max(1, total)
    bound = Bound(_RULE, high=_MOST_RESCORED)
    name = f"{GATE}/ids scored with other inputs"
    why = f"{found.rescored_ids:,} of {total:,} ids were scored with different inputs"
    if found.rescored:
        why += f" and are left out, such as {', '.join(one[:60] for one in found.rescored)}"
    status = Status.PASS if bound.admits(share) else Status.FAIL
    if status is Status.FAIL:
        why += ": an id must identify one row, so correct the ids"
    return Finding(name, status, why, share, n=total, bound=bound)
