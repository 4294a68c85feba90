"""Scores one batch. The local engine and Spark's workers both use this function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sluice.metrics import Ints
from sluice.model import NO_SCORE, Model, Scores, Tensors
from sluice.serve.batch import arrow_functions
from sluice.serve.batch.arrays import choose, floats, integers, texts
from sluice.serve.batch.column_plan import ColumnPlan
from sluice.serve.batch.columns import Fault, Faults, encode


@dataclass(frozen=True)
class ScoredBatch:
    """The rows of a batch: each is in `scored`, or in `refused` with the reason.

    scored_at, refused_at: the positions of these rows in the batch.
    """

    scored: pa.RecordBatch
    scored_at: Ints
    refused: pa.RecordBatch
    refused_at: Ints


def score(model: Model, plan: ColumnPlan, batch: pa.RecordBatch) -> ScoredBatch:
    """Score the rows of a batch, and refuse those that the server would refuse.

    batch: the plan's columns.
    """
    tensors, faults = encode(plan, batch)
    good = np.delete(np.arange(batch.num_rows), sorted(faults))
    if faults:
        tensors = Tensors(tensors.numbers[good], tensors.categories[good])
    scores = _scores(model, tensors)
    if len(unusable := scores.unusable):
        faults |= dict.fromkeys(good[unusable].tolist(), Fault(None, NO_SCORE))
        scores = scores.take(np.delete(np.arange(len(good)), unusable))
        good = np.delete(good, unusable)
    bad = np.array(sorted(faults), np.int64)
    carried = batch.select(list(plan.carried))
    if faults:
        carried = _rows(carried, good)
    scored = _results(plan, carried, scores)
    return ScoredBatch(scored, good, _refusals(plan, batch, bad, faults), bad)


def _scores(model: Model, tensors: Tensors) -> Scores:
    if len(tensors):
        return model.score(tensors)
    classes = len(model.signature.classes)
    shape = (0, classes) if model.signature.task == "multiclass" else (0,)
    segments = None if model.signature.segment is None else np.empty(0, object)
    return Scores(np.empty(shape), np.empty(0, np.int64), segments)


def _results(plan: ColumnPlan, carried: pa.RecordBatch, scores: Scores) -> pa.RecordBatch:
    values = scores.values.reshape(len(scores.values), len(plan.score_names))
    columns = [*carried.columns, *map(floats, values.T)]
    if plan.signature.classes:
        columns.append(choose(plan.signature.classes, scores.decisions.astype(np.int64)))
    if scores.segments is not None:
        columns.append(texts(scores.segments.tolist()))
    return pa.RecordBatch.from_arrays(columns, schema=plan.scored)


def _refusals(plan: ColumnPlan, batch: pa.RecordBatch, bad: Ints, faults: Faults) -> pa.RecordBatch:
    values = _rows(batch, bad).columns
    named = [faults[row] for row in bad.tolist()]
    columns = [*values, texts([f.column for f in named]), texts([f.problem for f in named])]
    return pa.RecordBatch.from_arrays(columns, schema=plan.refused)


def _rows(batch: pa.RecordBatch, places: Ints) -> pa.RecordBatch:
    """The rows at these indices."""
    taken = [arrow_functions.take(column, integers(places)) for column in batch.columns]
    return pa.RecordBatch.from_arrays(taken, schema=batch.schema)
