"""Tables: the raw data file, the splits, and the two blocks that a model takes in."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from sluice.config import Column, Settings
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.metrics import Floats, Ints
from sluice.model import Tensors

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def read_raw(path: Path, columns: dict[str, Column]) -> DataFrame:
    """Read a CSV or Parquet file as it stands: types are for the data-quality gate to judge."""
    import pandas as pd

    words = {name: str for name, column in columns.items() if not column.numeric}
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            with warnings.catch_warnings():
                # Rows longer than the header: pandas would move every value one column over.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                frame = pd.read_csv(path, dtype=words, low_memory=False, index_col=False)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'dvc pull', or mend data.file") from None
    except pd.errors.EmptyDataError:
        raise SluiceError(f"{path} is empty: expected a table with a header") from None
    except pd.errors.ParserWarning:
        raise SluiceError(
            f"{path} is not a readable table: rows are longer than its header"
        ) from None
    except (ValueError, OSError, NotImplementedError) as error:  # Arrow's own is among them
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"{path} is not a readable table: {said}") from None
    if frame.empty:
        raise SluiceError(f"{path} holds no rows")
    return frame


def labels(column: Series) -> Series:
    """A column of labels; missing values become the empty text."""
    import pandas as pd

    filled = column.astype(object).where(column.notna(), None)
    known = {value: label(value) for value in filled.unique()}
    return pd.Series([known[value] for value in filled], column.index, dtype=object)


def typed(frame: DataFrame, columns: dict[str, Column], *, strict: bool = True) -> DataFrame:
    """The declared columns in their declared types: float64 for numbers, text for the rest.

    What is no number raises ValueError, or is missing where not `strict`.
    """
    import pandas as pd

    errors: Literal["raise", "coerce"] = "raise" if strict else "coerce"
    made = {
        name: pd.to_numeric(frame[name], errors=errors).astype("float64")
        if column.numeric
        else labels(frame[name])
        for name, column in columns.items()
    }
    return pd.DataFrame(made, index=frame.index)


def tensors(frame: DataFrame, settings: Settings, inputs: list[str]) -> Tensors:
    """The model's inputs from a typed table."""
    numbers = [name for name in inputs if settings.columns[name].numeric]
    categories = [name for name in inputs if not settings.columns[name].numeric]
    return Tensors(
        frame[numbers].to_numpy(np.float64).reshape(len(frame), len(numbers)),
        frame[categories].to_numpy(object).reshape(len(frame), len(categories)),
    )


def truth(frame: DataFrame, settings: Settings) -> Ints | Floats:
    """[n] class indices, or the numbers to predict."""
    target = frame[settings.data.target]
    if settings.task == "regression":
        return target.to_numpy(np.float64)
    import pandas as pd

    known = pd.Categorical(target, categories=settings.classes)
    if known.isna().any():
        strange = target[known.isna()].iloc[0]
        raise SluiceError(f"{settings.data.target!r} holds {strange!r}, which is no class")
    return known.codes.astype(np.int64)


def read_split(path: Path) -> DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'sluice run'") from None
