"""The code that runs in Spark's Python workers, which need the batch dependencies without tqdm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pyarrow as pa

from sluice.model import Model
from sluice.package.archive import opened
from sluice.serve.batch.column_plan import ColumnPlan
from sluice.serve.batch.score import score

SCORED, REFUSED = "scored", "refused"

Work = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def schema(plan: ColumnPlan) -> pa.Schema:
    """Two structs for each row, one of which is null: the scored row, and the refused row."""
    return pa.schema(
        [(SCORED, pa.struct(list(plan.scored))), (REFUSED, pa.struct(list(plan.refused)))]
    )


def work(plan: ColumnPlan, package: str) -> Work:
    """The function that scores batches in a worker. package: the name of the shipped file."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import SparkFiles

        model = _model(SparkFiles.get(package))
        for batch in batches:
            renamed = pa.RecordBatch.from_arrays(batch.columns, names=plan.columns.names)
            actual = replace(plan, columns=renamed.schema)
            done = score(model, actual, renamed)
            yield _wrapped(actual, SCORED, done.scored)
            yield _wrapped(actual, REFUSED, done.refused)

    return run


@cache
def _model(package: str) -> Model:
    """The model, which is loaded once for each worker."""
    with opened(Path(package)) as unpacked:
        return Model(unpacked.model)


def _wrapped(plan: ColumnPlan, name: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch as one of the two structs; the other one is null."""
    structs = pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema))
    columns = [
        structs if field.name == name else pa.nulls(len(structs), field.type)
        for field in schema(plan)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(plan))
