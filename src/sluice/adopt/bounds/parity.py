"""The bound of the parity gate."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from sluice import table
from sluice.adopt.bounds.trial import Trial
from sluice.config import Settings
from sluice.model import Decision

if TYPE_CHECKING:
    from sluice.model import Model, Signature

_TOLERANCE = 1e-6


def parity_bound(trials: list[Trial], settings: Settings) -> float:
    """Return the largest difference to allow between a fitted pipeline and its ONNX export.

    For probabilities this is fixed. For a regression it is ten times the observed difference,
    because sums in float32 are less exact the larger the numbers are.
    """
    from sluice.train import export

    if settings.task != "regression":
        return _TOLERANCE
    signature = export.sign(settings, Decision())
    observed = max(_largest_difference(trial, settings, signature) for trial in trials)
    return max(_TOLERANCE, float(f"{10 * observed:.0e}"))


def _largest_difference(trial: Trial, settings: Settings, signature: Signature) -> float:
    from sluice.model import difference, scale_of
    from sluice.train import thresholds
    from sluice.train.edges import edge_rows
    from sluice.train.scores import predict
    from sluice.train.settle import settle

    settle(trial.pipeline)
    scale = scale_of(settings.task, predict(trial.pipeline, settings, trial.unseen))
    model = _exported(trial, signature)
    edges = edge_rows(
        trial.unseen,
        thresholds.of_model(trial.pipeline[-1]),
        len(signature.numbers),
        settings.seed,
    )
    largest = 0.0
    for rows in (trial.unseen, edges):
        actual = model.score(table.tensors(rows, settings, list(rows.columns))).values
        expected = predict(trial.pipeline, settings, rows)
        largest = max(largest, difference(expected, actual, scale))
    return largest


def _exported(trial: Trial, signature: Signature) -> Model:
    from sluice.model import Model
    from sluice.train import export

    with TemporaryDirectory() as folder:
        onnx = export.to_onnx(trial.pipeline, signature).SerializeToString()
        (Path(folder) / "model.onnx").write_bytes(onnx)
        (Path(folder) / "signature.json").write_bytes(msgspec.json.encode(signature))
        return Model(Path(folder))
