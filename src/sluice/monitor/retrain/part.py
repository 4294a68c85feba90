"""Store new rows as a new part of the data, so that each retraining adds only what is new."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import csv_dialect, files, table
from sluice.config import Settings
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from pandas import DataFrame


def append(data: Path, frame: DataFrame, settings: Settings) -> Path:
    """Write the rows as the last part of the data, in the format of the first one.

    A single file becomes a folder of the same name first, with the file as its first part; its
    bytes stay the same, so DVC does not store them again. Returns the new file. Raises SluiceError
    if the temporary folder's name is taken.
    """
    if not data.is_dir():
        _into_folder(data)
    before = table.parts(data)
    number = len(before)
    while any(path.stem == f"part-{number:04}" for path in before):
        number += 1
    target = data / f"part-{number:04}{before[0].suffix}"
    written = _as_written(frame, settings)
    with files.replacing(target) as unfinished:
        if target.suffix == ".parquet":
            written.to_parquet(unfinished, index=False)
        else:
            csv_dialect.write(written, unfinished)
    return target


def _into_folder(data: Path) -> None:
    folder = data.with_name(f"{data.name}.parts")
    try:
        folder.mkdir()
    except FileExistsError:
        raise SluiceError(
            f"{folder} already exists: rename it if it is yours; if an interrupted retraining left "
            "it, delete it and run 'dvc checkout'"
        ) from None
    os.replace(data, folder / f"part-0000{data.suffix}")
    os.replace(folder, data)


def _as_written(frame: DataFrame, settings: Settings) -> DataFrame:
    """Whole numbers without a decimal point, as the first part has them."""
    import pandas as pd

    made = frame.copy()
    for name in frame.columns:
        spec = settings.columns.get(name)
        if spec is None or not spec.numeric:
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce")
        known = numbers.dropna()
        if spec.type == "integer" and bool((known == known.round()).all()):
            made[name] = numbers.astype("Int64")
        elif len(known) == int(frame[name].notna().sum()):
            made[name] = numbers
    return made
