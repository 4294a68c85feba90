"""Count the training rows' inputs and the holdout's scores, the reference for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sluice import table
from sluice.config import Settings
from sluice.metrics import Floats
from sluice.model import Model, Signature
from sluice.package import segment_reference
from sluice.project import Project
from sluice.sketch import bins
from sluice.sketch.reference import Counted, Reference

if TYPE_CHECKING:
    from pandas import DataFrame


def measure(project: Project) -> Reference:
    """The reference of the exported model, from the splits of the project."""
    settings = project.settings
    model = Model(project.model)
    signature = model.signature
    train = table.read_split(project.split("train"))
    holdout = table.read_split(project.split("holdout"))
    inputs = [column.name for column in signature.inputs]
    scored = model.score(table.tensors(holdout, settings, inputs))
    scores = scored.values
    counted = count_scores(signature, scores)
    whose = settings.split.group_column or settings.data.id
    segments = None
    if signature.segment is not None:
        segments = segment_reference.measure(
            settings,
            model,
            [one.bins for one in counted],
            train=train,
            validation=table.read_split(project.split("validation")),
            holdout=(scored, table.truth(holdout, settings)),
        )
    return Reference(
        signature.task,
        signature.classes,
        _features(signature, train),
        counted,
        len(train),
        len(holdout),
        len(train) if whose is None else int(train[whose].nunique()),
        _outcomes(settings, holdout, scores, counted),
        signature.decision.threshold,
        signature.id,
        segments,
    )


def _features(signature: Signature, train: DataFrame) -> tuple[Counted, ...]:
    counted = []
    for column in signature.inputs:
        if column.sensitive:
            continue
        if column.type == "number":
            values = train[column.name].to_numpy(np.float64)
            made = bins.of_numbers(column.name, values)
            found = made.of_numbers(values)
        else:
            places, levels = train[column.name].factorize(use_na_sentinel=False)
            made = bins.of_levels(column.name, train[column.name].tolist())
            found = made.of_levels(list(map(str, levels)))[places]
        counted.append(Counted(made, tuple(made.count(found).tolist())))
    return tuple(counted)


def count_scores(signature: Signature, scores: Floats) -> tuple[Counted, ...]:
    """The scores of n rows, [n] or [n, classes], in bins of about equal numbers of rows."""
    counted = []
    for name, values in zip(names(signature), scores.reshape(len(scores), -1).T, strict=True):
        made = bins.of_numbers(name, values, split_at=signature.decision.threshold)
        counted.append(Counted(made, tuple(made.count(made.of_numbers(values)).tolist())))
    return tuple(counted)


def _outcomes(
    settings: Settings, holdout: DataFrame, scores: Floats, counted: tuple[Counted, ...]
) -> tuple[tuple[int, ...], ...]:
    """The holdout rows of each class in each bin of the score; empty unless the task is binary."""
    if settings.task != "binary":
        return ()
    made, truth = counted[0].bins, table.truth(holdout, settings)
    places = made.of_numbers(scores)
    return tuple(tuple(made.count(places[truth == k]).tolist()) for k in (0, 1))


def names(signature: Signature) -> list[str]:
    """The names of the scores: `score`, or `score of CLASS` for several classes."""
    if signature.task == "multiclass":
        return [f"score of {name}" for name in signature.classes]
    return ["score"]
