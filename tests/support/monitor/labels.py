"""A log of rows that are in no fixture project, with their true outcomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from sluice.scoring_log.reader import read
from support.fixture_project.data import table
from support.monitor.logs import Logged, put_log

NEW_ROWS = 1_500
LATE = "2026-03-27"  # the labels of the last days


def logged_rows(logged: Logged, log: Path, ids: list[str] | None = None) -> pd.DataFrame:
    """Log rows of 14 days; returns their labels, with the columns that a log never contains."""
    frame = table("binary", NEW_ROWS, 31)
    ids = ids or [f"n{at:05d}" for at in range(NEW_ROWS)]
    put_log(log, logged, frame, days=14, ids=ids)
    times = {record["id"]: record["time"] for record in read(log)}
    known = pd.to_datetime(pd.Series(ids).map(times), unit="us", utc=True) + pd.Timedelta(hours=1)
    return pd.DataFrame(
        {
            "id": ids,
            "truth": frame["late"],
            "known_at": known.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "side": frame["side"],
            "born": frame["born"],
        }
    )


def copies(labels: pd.DataFrame, log: Path) -> pd.DataFrame:
    """All labels are the decisions of the model."""
    decided = {record["id"]: record["decision"] for record in read(log)}
    return labels.assign(truth=labels["id"].map(decided))


def copies_in_one_batch(labels: pd.DataFrame, log: Path) -> pd.DataFrame:
    """The labels of the last days are copies; those before are true."""
    late = labels["known_at"] > LATE
    return labels.assign(truth=labels["truth"].where(~late, copies(labels, log)["truth"]))


def one_class(labels: pd.DataFrame, log: Path) -> pd.DataFrame:
    """The labels of the last days are all of one class."""
    return labels.assign(truth=labels["truth"].mask(labels["known_at"] > LATE, "yes"))


POISONS: dict[Callable[[pd.DataFrame, Path], pd.DataFrame], str] = {
    copies: "ground-truth/labels that equal the decisions",
    copies_in_one_batch: "ground-truth/labels that equal the decisions",
    one_class: "ground-truth/classes of the newest labels",
}
