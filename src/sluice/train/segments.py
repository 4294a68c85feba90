"""One linear model for each segment of the rows, in addition to the model for all rows.

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
from sluice.train.settle import significant

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

    from sluice.config.data import Segments
    from sluice.train.columns import Columns


def segmented(
    pipeline: Pipeline, columns: Columns, rows: DataFrame, segments: Segments
) -> Pipeline:
    """The unfitted pipeline of an encoder and a linear estimator, with a model for each segment.

    rows: the training rows. Raises SluiceError if the estimator is not linear, or if no value of
    the column has enough rows, as when it is an id.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline as Steps
    from sklearn.preprocessing import OrdinalEncoder

    from sluice.train.segmented import SegmentedClassifier, SegmentedRegressor

    encoder, estimator = pipeline[0], pipeline[-1]
    known = isinstance(estimator, (LogisticRegression, Ridge, LinearRegression))
    if not (known and isinstance(encoder, ColumnTransformer) and len(pipeline) == 2):
        raise SluiceError(
            "data.segments in params.yaml: only linear candidates can be trained for each segment, "
            f"not {type(estimator).__name__}; remove the others under candidates"
        )
    names = names_of(rows, segments)
    place = OrdinalEncoder(
        categories=[np.array(names, object)],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        dtype=np.float64,
    )
    both = [*encoder.transformers, ("segment", place, [len(columns.names)])]
    kind = SegmentedClassifier if isinstance(estimator, LogisticRegression) else SegmentedRegressor
    model = kind(estimator, rows=segments.rows)
    return Steps([("columns", ColumnTransformer(both)), ("model", model)])


def names_of(rows: DataFrame, segments: Segments) -> list[str]:
    """The values with enough training rows for a model of their own, sorted."""
    count = rows[segments.column].value_counts()
    enough = sorted(name for name in count.index[count >= segments.rows] if name)
    if not enough:
        raise SluiceError(
            f"data.segments in params.yaml: none of the {len(count):,} values of "
            f"{segments.column!r} has {segments.rows} training rows, which a model needs"
            f"{': is it an id?' if len(count) * 2 > len(rows) else ''}"
        )
    return enough


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
    from sluice.train.segmented import SegmentedClassifier

    matrix = pipeline[0].transform(rows)
    nobody = np.zeros(len(rows), np.int64)
    model = pipeline[-1]
    if isinstance(model, SegmentedClassifier):
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
