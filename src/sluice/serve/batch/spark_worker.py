"""What runs in Spark's Python workers: they need what the local run needs, less tqdm."""

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
    """One struct for a row that was scored, one for a row that was refused; the other is null."""
    return pa.schema(
        [(SCORED, pa.struct(list(plan.scored))), (REFUSED, pa.struct(list(plan.refused)))]
    )


def work(plan: ColumnPlan, package: str) -> Work:
    """package: what the file is called that was shipped to the workers."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import SparkFiles

        model = _model(SparkFiles.get(package))
        for batch in batches:
            named = pa.RecordBatch.from_arrays(batch.columns, names=plan.columns.names)
            held = replace(plan, columns=named.schema)
            done = score(model, held, named)
            yield _row(held, SCORED, done.scored)
            yield _row(held, REFUSED, done.refused)

    return run


@cache
def _model(package: str) -> Model:
    """Opened once for a worker, not for each batch."""
    with opened(Path(package)) as unpacked:
        return Model(unpacked.model)


def _row(plan: ColumnPlan, name: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    held = pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema))
    columns = [
        held if field.name == name else pa.nulls(len(held), field.type) for field in schema(plan)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(plan))
