"""Functions on Arrow arrays, like those of `pyarrow.compute`.

These functions call Arrow's compiled module directly: `pyarrow.compute` makes a Python function of
each of Arrow's several hundred when it is imported, which takes as long as scoring 30,000 rows. The
arrays' own methods, such as `Array.cast`, import `pyarrow.compute` too.
"""

from __future__ import annotations

import pyarrow as pa
from pyarrow._compute import (
    CastOptions,
    DictionaryEncodeOptions,
    SetLookupOptions,
    TakeOptions,
    call_function,
)


def cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values as another type; integers beyond 2**53 become the nearest double."""
    return call_function("cast", [array], CastOptions.unsafe(kind))


def take(array: pa.Array, places: pa.Array) -> pa.Array:
    """The values at these indices."""
    return call_function("take", [array, places], TakeOptions())


def dictionary_encode(array: pa.Array) -> pa.DictionaryArray:
    """The distinct values, and for each value its index among them; null stays null."""
    return call_function("dictionary_encode", [array], DictionaryEncodeOptions())


def dictionary_decode(array: pa.DictionaryArray) -> pa.Array:
    """The values of a dictionary-encoded array."""
    return cast(array, array.type.value_type)


def null_if_among(array: pa.Array, values: pa.Array) -> pa.Array:
    """The array with each of these values replaced by null."""
    found = call_function("is_in", [array], SetLookupOptions(cast(values, array.type)))
    return call_function("if_else", [found, pa.nulls(len(array), array.type), array])
