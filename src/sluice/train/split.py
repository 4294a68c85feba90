"""Who trains, who validates, who is held out: by a hash, so a row stays on its side."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from sluice import files, table
from sluice.config import Split
from sluice.errors import SluiceError
from sluice.project import Project

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("holdout", "validation", "latest", "train")


def run(project: Project) -> dict[str, int]:
    """Write one Parquet file a part; returns the rows of each."""
    settings = project.settings
    frame = table.typed(table.read_raw(project.data, settings.columns), settings.columns)
    part = assign(identities(frame, settings.data.id), settings.split)
    rows = {}
    for name in PARTS:
        chosen = frame[part == name].reset_index(drop=True)
        if chosen.empty:
            raise SluiceError(
                f"the {name} part is empty: {len(frame)} rows are too few for the shares "
                "under split in params.yaml"
            )
        path = project.split(name)
        with files.replacing(path) as unfinished:
            chosen.to_parquet(unfinished, index=False)
        rows[name] = len(chosen)
    return rows


def identities(frame: DataFrame, id_column: str | None) -> list[str]:
    """What the hash is taken of: the id, or the whole row where there is none.

    Without an id, rows that repeat fall on one side together.
    """
    if id_column is not None:
        return [_spell(value) for value in frame[id_column]]
    return ["\x1f".join(map(_spell, row)) for row in frame.itertuples(index=False, name=None)]


def assign(identities: list[str], split: Split) -> np.ndarray:
    """[n] names of parts."""
    edges = np.cumsum([split.holdout, split.validation, split.latest])
    where = [_fraction(split.salt, identity) for identity in identities]
    return np.array(PARTS, object)[np.searchsorted(edges, where, side="right")]


def _fraction(salt: str, identity: str) -> float:
    digest = hashlib.sha256(f"{salt}\x1f{identity}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _spell(value: object) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
