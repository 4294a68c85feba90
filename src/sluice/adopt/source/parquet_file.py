"""Read a Parquet file, and convert its types to the few that a model can use."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.adopt.source.columns import LARGEST_EXACT, integers_if_whole, require_names
from sluice.adopt.source.found import Source
from sluice.errors import SluiceError

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import Series

MAGIC = b"PAR1"

_GENERATED = re.compile(r"__index_level_\d+__")
_TOO_LONG = (
    "it has whole numbers with too many digits to be exact as numbers, so its values are treated "
    "as texts"
)


def read(file: Path) -> Source:
    """Return the table. Raises SluiceError if it is not a Parquet file or has nested columns."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"{file} is not a readable Parquet table: {said}") from None
    index = _index(table.schema)
    generated = [name for name in index if _GENERATED.fullmatch(name)]
    names = [name for name in table.column_names if name not in generated]
    require_names(file, names)
    if not names:
        raise SluiceError(f"{file} has no columns")
    columns = {name: _column(file, name, table.column(name)) for name in names}
    long = {name for name, values in columns.items() if _is_too_long(values)}
    columns |= {name: _as_text(columns[name]) for name in long}
    return Source(
        pd.DataFrame(columns),
        notes=tuple(
            f"column {name!r}, which pandas generated to number the rows, was left out"
            for name in generated
        ),
        remarks=dict.fromkeys(long, _TOO_LONG),
        typed=True,
        index=tuple(name for name in index if name not in generated),
    )


def _index(schema: pa.Schema) -> list[str]:
    """Return the columns that are the index of the pandas table from which the file was written."""
    metadata = schema.pandas_metadata or {}
    named = metadata.get("index_columns", [])
    return [name for name in named if isinstance(name, str) and name in schema.names]


def _column(file: Path, name: str, column: pa.ChunkedArray) -> Series:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise SluiceError(
            f"{file}: column {name!r} has the type {kind}, but expected one number or text in "
            "each row; remove the column, or split it into several"
        )
    if pa.types.is_null(kind):
        return pd.Series([None] * len(column), dtype="str")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        texts = column.to_pandas()
        return texts.where(texts != "", None).astype("str")
    if pa.types.is_boolean(kind):
        return column.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return _number(column)


def _number(column: pa.ChunkedArray) -> Series:
    """Return whole numbers, decimals and floats as Int64 or float64; other types as they are."""
    import pandas as pd
    import pyarrow as pa

    kind = column.type
    if pa.types.is_uint64(kind):
        values = column.to_pandas(types_mapper={pa.uint64(): pd.UInt64Dtype()}.get)
        return values if _is_too_long(values) else values.astype("Int64")
    if pa.types.is_integer(kind):
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if pa.types.is_decimal(kind):
        return _decimals(column)
    if pa.types.is_floating(kind):
        return integers_if_whole(column.cast(pa.float64()).to_pandas())
    return column.to_pandas()


def _decimals(column: pa.ChunkedArray) -> Series:
    """Return decimals as float64, unless that has too few digits for them."""
    import pyarrow as pa

    values = column.to_pandas()
    if _is_too_long(values):
        return values
    return integers_if_whole(column.cast(pa.float64()).to_pandas())


def _is_too_long(values: Series) -> bool:
    """Whether the column has whole numbers that float64 does not represent exactly."""
    if values.dtype.kind not in "iuO":
        return False
    known = values.dropna()
    if values.dtype.kind == "O":
        return any(isinstance(v, Decimal) and abs(v) >= LARGEST_EXACT for v in known)
    return bool(((known >= LARGEST_EXACT) | (known <= -LARGEST_EXACT)).any())


def _as_text(values: Series) -> Series:
    import pandas as pd

    return pd.Series([None if pd.isna(v) else str(v) for v in values], dtype="str")
