"""Converts Arrow columns to the model's tensors, column by column.

Refuses the same values as `model.encode`, with the same messages.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sluice.labels import MISSING, Levels
from sluice.metrics import Floats
from sluice.missing import WORDS, is_missing
from sluice.model import NOT_FINITE, Tensors, no_number
from sluice.serve.batch import arrow_functions
from sluice.serve.batch.arrays import numbers, present, texts
from sluice.serve.batch.column_plan import ColumnPlan, is_text

_WORDS = texts(WORDS)


class Fault(NamedTuple):
    """Why a row cannot be scored. column: None if no single column is at fault."""

    column: str | None
    problem: str


Faults = dict[int, Fault]  # by the row's position in the batch
Problems = Iterable[tuple[int, str]]


def encode(plan: ColumnPlan, batch: pa.RecordBatch) -> tuple[Tensors, Faults]:
    """The tensors of all rows, and the first fault of each row that cannot be scored."""
    signature, rows = plan.signature, batch.num_rows
    numeric = np.empty((rows, len(signature.numbers)))
    labelled = np.empty((rows, len(signature.categories)), object)
    faults: Faults = {}
    for at, name in enumerate(signature.numbers):
        numeric[:, at], problems = _numbers(batch.column(name), parsed=plan.parsed)
        for row, problem in problems:
            faults.setdefault(row, Fault(name, problem))
    for at, (name, levels) in enumerate(signature.levels.items()):
        labelled[:, at] = _categories(batch.column(name), levels)
    return Tensors(numeric, labelled), faults


def _numbers(column: pa.Array, *, parsed: bool) -> tuple[Floats, Problems]:
    if pa.types.is_dictionary(column.type):
        column = arrow_functions.dictionary_decode(column)
    if not is_text(column.type):
        return _finite(column)
    return _parsed(column) if parsed else _refused(column)


def _finite(column: pa.Array) -> tuple[Floats, Problems]:
    if pa.types.is_decimal(column.type):
        # Arrow's direct conversion to float does not always round correctly
        column = arrow_functions.cast(column, pa.string())
    converted = arrow_functions.cast(column, pa.float64())
    values = numbers(converted)
    infinite = ~np.isfinite(values)
    if infinite.any():
        infinite &= present(converted)
    return values, [(int(row), NOT_FINITE) for row in np.flatnonzero(infinite)]


def _refused(column: pa.Array) -> tuple[Floats, Problems]:
    problems = [
        (row, no_number(value)) for row, value in enumerate(column.to_pylist()) if value is not None
    ]
    return np.full(len(column), math.nan), problems


def _parsed(column: pa.Array) -> tuple[Floats, Problems]:
    """Parse text as numbers: by Arrow, or cell by cell if Arrow cannot parse one of them."""
    try:
        return _finite(arrow_functions.null_if_among(column, _WORDS))
    except pa.ArrowInvalid:
        return _parsed_one_by_one(column)


def _parsed_one_by_one(column: pa.Array) -> tuple[Floats, Problems]:
    values = np.full(len(column), math.nan)
    problems = []
    for row, text in enumerate(column.to_pylist()):
        if text is None or is_missing(text):
            continue
        number = _number(text)
        if number is None:
            problems.append((row, no_number(text)))
        elif not math.isfinite(number):
            problems.append((row, NOT_FINITE))
        else:
            values[row] = number
    return values, problems


def _number(text: str) -> float | None:
    """Like Python's `float`, but it refuses underscores (1_000) and digits of other scripts."""
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _categories(column: pa.Array, levels: Levels) -> NDArray[np.object_]:
    """[n] labels. Each distinct value is recognised once, not once for each row."""
    if not pa.types.is_dictionary(column.type):
        column = arrow_functions.dictionary_encode(column)
    labelled = [levels.of(value) for value in column.dictionary.to_pylist()]
    at = numbers(arrow_functions.cast(column.indices, pa.float64()))
    places = np.where(np.isnan(at), len(labelled), at).astype(np.int64)
    return np.array([*labelled, MISSING], object)[places]
