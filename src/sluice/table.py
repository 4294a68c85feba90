"""Tables: the raw data file, the parts of the split, and the two arrays that a model reads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from sluice import csv_dialect
from sluice.config import Column, Settings
from sluice.errors import SluiceError
from sluice.labels import MISSING, Levels, label
from sluice.metrics import Floats, Ints
from sluice.missing import WORDS, is_missing
from sluice.model import Tensors

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_PARTS = (".csv", ".tsv", ".txt", ".parquet")


def read_raw(path: Path, columns: dict[str, Column]) -> DataFrame:
    """Read a CSV or Parquet file without checking its values, which the data-quality gate does.

    `path` may also be a folder of such files, whose rows follow each other in the order of the
    files' names. In a CSV file, columns that are not numeric are read as text. A word for a missing
    value is read as missing unless it is a declared value of its column. Raises SluiceError if a
    file is missing, has other columns than the first one, or cannot be read as a table with at
    least one row.
    """
    found = parts(path)
    frames = [without_words(_read_file(part, columns), columns) for part in found]
    return frames[0] if len(frames) == 1 else together(found, frames)


def parts(path: Path) -> list[Path]:
    """The files of a table: the file itself, or those of a folder, in the order of their names.

    DVC may have put links to its cache there. Raises SluiceError for a folder that has anything
    except CSV and Parquet files.
    """
    if not path.is_dir():
        return [path]
    found = sorted(path.iterdir())
    for part in found:
        if not part.is_file() or part.suffix not in _PARTS:
            raise SluiceError(
                f"{part} is not a part of a table: a folder of parts may only have files named "
                f"{', '.join(_PARTS)}; move it elsewhere"
            )
    if not found:
        raise SluiceError(f"{path} is an empty folder: expected CSV or Parquet files")
    return found


def together(found: list[Path], frames: list[DataFrame]) -> DataFrame:
    """The rows of all parts; raises SluiceError if one has other columns than the first."""
    import pandas as pd

    require_same_columns(found, [list(map(str, frame)) for frame in frames])
    return pd.concat([frame[list(frames[0])] for frame in frames], ignore_index=True)


def require_same_columns(found: list[Path], columns: Sequence[Sequence[str]]) -> None:
    """Raise SluiceError if a part has other columns than the first.

    columns: the columns of each part.
    """
    names = columns[0]
    for part, own in zip(found, columns, strict=True):
        if other := sorted(map(str, set(names) ^ set(own))):
            problem = "lacks" if other[0] in names else "has"
            raise SluiceError(
                f"{part} {problem} the column {other[0]!r}, unlike {found[0]}: all parts of a "
                "table must have the same columns"
            )


def _read_file(path: Path, columns: dict[str, Column]) -> DataFrame:
    import pandas as pd

    texts = {name: str for name, column in columns.items() if not column.numeric}
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            with warnings.catch_warnings():
                # If rows are longer than the header, pandas moves every value to the next column.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(
                    path,
                    sep=csv_dialect.delimiter(csv_dialect.sample(path), columns),
                    dtype=texts,
                    low_memory=False,
                    index_col=False,
                    keep_default_na=False,
                    na_values={name: WORDS for name in columns if name not in texts},
                )
    except FileNotFoundError:
        raise SluiceError(
            f"{path} is missing: run 'dvc pull', or correct data.file in params.yaml"
        ) from None
    except pd.errors.EmptyDataError:
        raise SluiceError(f"{path} is empty: expected a table with a header") from None
    except pd.errors.ParserWarning:
        raise SluiceError(
            f"{path} is not a readable table: some rows have more values than the header has names"
        ) from None
    # The errors of Arrow are subclasses of these.
    except (ValueError, OSError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise SluiceError(f"{path} is not a readable table: {reason}") from None
    if frame.empty:
        raise SluiceError(f"{path} has no rows")
    return frame


def without_words(frame: DataFrame, columns: dict[str, Column]) -> DataFrame:
    """The given table, changed in place: words for missing values become missing values."""
    for name, spec in columns.items():
        if name in frame and not spec.numeric:
            words = [word for word in WORDS if is_missing(word, spec.declared)]
            frame[name] = frame[name].mask(frame[name].isin(words), None)
    return frame


def labels(column: Series) -> Series:
    """A column as `label` writes its values; a missing value becomes the empty text."""
    return _mapped(column, label)


def levels(column: Series, spec: Column) -> Series:
    """A column of categories, each recognised among the declared values of the column."""
    return _mapped(column, Levels(spec.declared).of)


def _text(value: object) -> str:
    text = label(value)
    return MISSING if is_missing(text) else text


def _mapped(column: Series, change: Callable[[object], str]) -> Series:
    """Convert each distinct value only once."""
    import pandas as pd

    filled = column.astype(object).where(column.notna(), None)
    codes, known = pd.factorize(filled, use_na_sentinel=False)
    changed = np.array([change(value) for value in known], object)
    return pd.Series(changed[codes], column.index, dtype=object)


def typed(frame: DataFrame, columns: dict[str, Column], *, strict: bool = True) -> DataFrame:
    """The columns of params.yaml in their declared types: numbers as float64, the rest as text.

    A value that should be a number but is not raises ValueError, or becomes NaN if `strict` is
    False.
    """
    import pandas as pd

    errors: Literal["raise", "coerce"] = "raise" if strict else "coerce"
    converted = {}
    for name, column in columns.items():
        if column.numeric:
            converted[name] = pd.to_numeric(frame[name], errors=errors).astype("float64")
        elif column.type == "category":
            converted[name] = levels(frame[name], column)
        else:
            converted[name] = _mapped(frame[name], _text)
    return pd.DataFrame(converted, index=frame.index)


def tensors(frame: DataFrame, settings: Settings, inputs: list[str]) -> Tensors:
    """The two input arrays of the model, from the columns `inputs` of a typed table."""
    numbers = [name for name in inputs if settings.columns[name].numeric]
    categories = [name for name in inputs if not settings.columns[name].numeric]
    return Tensors(
        frame[numbers].to_numpy(np.float64).reshape(len(frame), len(numbers)),
        frame[categories].to_numpy(object).reshape(len(frame), len(categories)),
    )


def truth(frame: DataFrame, settings: Settings) -> Ints | Floats:
    """The target of n rows, shape [n]: class indices, or numbers for a regression.

    Raises SluiceError for a value that is not a class in params.yaml.
    """
    target = frame[settings.data.target]
    if settings.task == "regression":
        return target.to_numpy(np.float64)
    import pandas as pd

    known = pd.Categorical(target, categories=settings.classes)
    if known.isna().any():
        unknown, name = target[known.isna()].iloc[0], settings.data.target
        raise SluiceError(
            f"column {name!r} contains {unknown!r}, which is not among columns.{name}.values in "
            "params.yaml"
        )
    return known.codes.astype(np.int64)


def read_split(path: Path, columns: list[str] | None = None) -> DataFrame:
    """Read one part of the split, or only some columns; raises SluiceError if it is missing."""
    import pandas as pd

    try:
        frame = pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'sluice run'") from None
    return frame if columns is None or list(frame) == columns else frame[columns]
