"""Infer the profile of a table from its values and from the options of `sluice adopt`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import dates
from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.profile.attributes import joined
from sluice.adopt.profile.feature import ignored, profile_feature
from sluice.adopt.profile.keys import profile_group, profile_id, profile_time
from sluice.adopt.profile.segments import profile_segments, trained_rows
from sluice.adopt.profile.sensitive import groups_of, profile_sensitive
from sluice.adopt.profile.target import (
    is_heavy_tailed,
    profile_target,
    rare_positives,
    rarer_label,
)
from sluice.adopt.profile.values import is_number, nearly_equal
from sluice.adopt.profile.words import Keep, without_missing
from sluice.adopt.source import Source
from sluice.config import INDEPENDENT
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.spelling import suggestion
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_LEAST_ROWS = 50
_SHOWN_NAMES = 12


def infer(
    found: Source,
    name: str,
    *,
    target: str,
    id_column: str | None,
    sensitive: list[str],
    keep: Keep | None = None,
    group: str | None = None,
    by_time: str | None = None,
    segments: str | None = None,
    known: Task | None = None,
) -> TableProfile:
    """Return the profile of a table that `sluice.adopt.source` has read.

    keep: for each column, words that are values although they mean a missing value elsewhere.
    known: the task of an earlier adoption.
    Raises SluiceError if an option does not fit the table or if it cannot be modelled.
    """
    options = {
        "--target": [target],
        "--id": [] if id_column is None else [id_column],
        "--sensitive": sensitive,
        "--group": [] if group in (None, INDEPENDENT) else [group],
        "--by-time": [] if by_time is None else [by_time],
        "--segments": [] if segments is None else [segments],
    }
    _require_columns(found.frame, options)
    frame, words = without_missing(found, target, keep or {})
    if len(frame) < _LEAST_ROWS:
        raise SluiceError(f"{len(frame)} rows are too few to split: provide at least {_LEAST_ROWS}")
    task, goal = profile_target(frame[target], words.get(target, ""), known)
    roles = {column: profile_sensitive(frame[column]) for column in sensitive}
    groups = {column: groups_of(frame[column], roles[column]) for column in sensitive}
    roles[target] = goal
    if id_column is not None:
        roles[id_column] = profile_id(frame[id_column])
    if group not in (None, INDEPENDENT):
        roles[group] = profile_group(frame[group])
    if by_time is not None:
        roles[by_time] = profile_time(frame[by_time])
    if segments is not None:
        roles[segments] = profile_segments(frame[segments])
    columns = [roles.get(c) or _feature(frame[c], found) for c in map(str, frame.columns)]
    positive = rarer_label(frame[target], goal) if task == "binary" else None
    profile = TableProfile(
        name=name,
        task=task,
        target=target,
        positive=positive,
        id=id_column,
        sensitive=groups,
        columns=tuple(_with_remarks(column, found, words) for column in columns),
        rows=len(frame),
        heavy_tailed=task == "regression" and is_heavy_tailed(frame[target]),
        rare_positives=rare_positives(frame[target], positive),
        group=group,
        by_time=by_time,
        segments=segments,
        segment_rows=() if segments is None else trained_rows(frame[segments]),
        dates=_possible_times(frame, taken={target, id_column, *sensitive}),
        attributes=joined(frame, groups),
        groups=None if group in (None, INDEPENDENT) else int(frame[group].nunique()),
    )
    require_features(profile)
    return profile


def _possible_times(frame: DataFrame, taken: set[str | None]) -> tuple[str, ...]:
    """Return the columns that have a clear date in every row."""
    found = []
    for name in frame.columns:
        column = frame[name]
        if name not in taken and not is_number(column) and column.notna().all():
            read = dates.read(column)
            if read is not None and not read.unread and not read.ambiguous:
                found.append(str(name))
    return tuple(found)


def project_name(file: Path) -> str:
    """Derive a name that params.yaml accepts from the file's name."""
    plain = unicodedata.normalize("NFKD", file.stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789")[:64].rstrip("-") or "adopted"


def _require_columns(frame: DataFrame, options: dict[str, list[str]]) -> None:
    taken: dict[str, str] = {}
    for option, names in options.items():
        for name in names:
            if name not in frame.columns:
                hint = suggestion(name, frame.columns) or f"expected {_one_of(frame.columns)}"
                raise SluiceError(f"{option}: there is no column {name!r}; {hint}")
            if name in taken:
                raise SluiceError(
                    f"{option}: column {name!r} is already named by {taken[name]}; name it once"
                )
            taken[name] = option


def _feature(column: Series, found: Source) -> ColumnProfile:
    if column.name in found.index:
        return ignored(column, "it is the index of the table in pandas")
    return profile_feature(column, derived=column.name in found.derived)


def _with_remarks(column: ColumnProfile, found: Source, words: dict[str, str]) -> ColumnProfile:
    """Add to the column's remark a sentence that says how its values were understood."""
    levels = [label(value) for value in (*column.values, *column.levels)]
    remarks = [
        column.remark,
        found.remarks.get(column.name, ""),
        words.get(column.name, "") if column.type != "text" or column.use == "feature" else "",
        nearly_equal(levels),
    ]
    return replace(column, remark="; ".join(filter(None, remarks)))


def _one_of(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(map(repr, known[:_SHOWN_NAMES]))
    rest = len(known) - _SHOWN_NAMES
    return f"one of {shown} or {rest} more" if rest > 0 else f"one of {shown}"


def require_features(profile: TableProfile) -> None:
    """Raise SluiceError if no column is left from which a model could predict."""
    if profile.features:
        return
    ignored = "; ".join(f"{column.name}: {column.remark}" for column in profile.ignored)
    hint = "; --keep-suspects uses suspected leaks nevertheless" if profile.suspects else ""
    raise SluiceError(
        f"no column can be used to predict {profile.target!r} "
        f"({ignored or 'the table has no other column'}){hint}"
    )
