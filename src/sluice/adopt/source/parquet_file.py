"""Read a Parquet file: its many types become the few that a model can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sluice.adopt.source.columns import integers_if_whole, require_names
from sluice.errors import SluiceError

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame, Series

MAGIC = b"PAR1"


def read(file: Path) -> DataFrame:
    """Return the table; raises SluiceError if it is no Parquet file or has nested columns."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise SluiceError(f"{file} is not a readable Parquet table: {said}") from None
    require_names(file, table.column_names)
    if not table.column_names:
        raise SluiceError(f"{file} has no columns")
    columns = {name: _column(file, name, table.column(name)) for name in table.column_names}
    return pd.DataFrame(columns)


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
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return column.cast(pa.int64()).to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        return integers_if_whole(column.cast(pa.float64()).to_pandas())
    return column.to_pandas()
