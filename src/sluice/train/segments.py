"""One model for each segment of the rows, in addition to the model for all rows.

A segment is a value of the column `data.segments`, such as a store. All models share the encoder,
which is fitted on all rows. A row is scored by the model of its segment, or by the model for all
rows if its segment has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sluice import files
from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.train import segment_kinds
from sluice.train.settle import significant

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

    from sluice.config.data import Segments
    from sluice.train.columns import Columns


def segmented(
    pipeline: Pipeline, columns: Columns, rows: DataFrame, segments: Segments, outputs: int = 1
) -> Pipeline:
    """The unfitted pipeline of an encoder and an estimator, with a model for each segment.

    rows: the training rows. outputs: of the estimator. Raises SluiceError if the estimator cannot
    be fitted for each segment, if no value of the column has enough rows, as when it is an id, or
    if the models would be too large.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline as Steps
    from sklearn.preprocessing import OrdinalEncoder

    from sluice.train import segmented as models

    encoder, estimator = pipeline[0], pipeline[-1]
    segment_kinds.require(estimator)
    if not (isinstance(encoder, ColumnTransformer) and len(pipeline) == 2):
        raise SluiceError(
            "data.segments in params.yaml: a candidate must consist of a ColumnTransformer and an "
            f"estimator, but the pipeline of {type(estimator).__name__} has other steps"
        )
    names = names_of(rows, segments)
    own = segment_kinds.own_of(estimator, segments.trees)
    count = rows[segments.column].value_counts()
    segment_kinds.require_room(own, count[names].tolist(), outputs)
    place = OrdinalEncoder(
        categories=[np.array(names, object)],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        # All columns of boosted trees are float32, which holds whole numbers up to 16 million.
        dtype=np.float32 if segment_kinds.is_boosted(estimator) else np.float64,
    )
    both = [*encoder.transformers, ("segment", place, [len(columns.names)])]
    model = models.kind_of(estimator)(estimator, own, rows=segments.rows)
    return Steps([("columns", ColumnTransformer(both)), ("model", model)])


def names_of(rows: DataFrame, segments: Segments) -> list[str]:
    """The values with enough training rows for a model of their own, sorted.

    Raises SluiceError if there are none.
    """
    enough = large_enough(rows, segments)
    if not enough:
        count = rows[segments.column].value_counts()
        raise SluiceError(
            f"data.segments in params.yaml: none of the {len(count):,} values of "
            f"{segments.column!r} has {segments.rows} training rows, which a model needs"
            f"{': is it an id?' if len(count) * 2 > len(rows) else ''}"
        )
    return enough


def large_enough(rows: DataFrame, segments: Segments) -> list[str]:
    """The values with enough of these rows for a model of their own, sorted."""
    count = rows[segments.column].value_counts()
    return sorted(name for name in count.index[count >= segments.rows] if name)


def serve_only(pipeline: Pipeline, names: Sequence[str]) -> None:
    """Let the model for all rows serve all segments but these, in place."""
    model = pipeline[-1]
    wanted = set(names)
    model.served_ = model.served_ & np.array([name in wanted for name in known(pipeline)], bool)


def known(pipeline: Pipeline) -> list[str]:
    """The segments of the fitted pipeline, in the order of their models."""
    return list(pipeline[0].named_transformers_["segment"].categories_[0])


def global_scores(pipeline: Pipeline, rows: DataFrame) -> Floats:
    """[n], or [n, classes] for several classes: the scores of the model for all rows."""
    matrix = pipeline[0].transform(rows)
    nobody = np.zeros(len(rows), np.int64)
    model = pipeline[-1]
    if hasattr(model, "classes_"):
        found = model.predict_proba(matrix, nobody)
        return found[:, 1] if len(model.classes_) == 2 else found
    return model.predict(matrix, nobody)


def write_validation(pipeline: Pipeline, inputs: DataFrame, folder: Path) -> None:
    """Write which segments have a model, and the scores of the model for all rows.

    inputs: the inputs of the validation rows.
    """
    own = dict(zip(known(pipeline), pipeline[-1].served_.tolist(), strict=True))
    # Not sorted, because the order is that of the models.
    files.write(folder / "segments.json", msgspec.json.encode(own))
    scores = significant(global_scores(pipeline, inputs))
    np.save(folder / "validation_global.npy", scores, allow_pickle=False)
