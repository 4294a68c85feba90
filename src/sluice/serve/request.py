"""A request to score rows, independent of the protocol."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from sluice.model import Scores, Signature, Tensors


class Row(msgspec.Struct, frozen=True):
    """One row, which becomes part of a batch's tensors only when the batch is scored.

    numbers: None for a missing one. categories: the labels, the empty text for a missing one.
    """

    numbers: tuple[float | None, ...]
    categories: list[str]

    def __len__(self) -> int:
        return 1


class ScoringRequest(msgspec.Struct, frozen=True):
    """Rows to score.

    id: the id in the body, otherwise the id of the HTTP request. ids: [n] values of the id column,
    or None if the request has no such column. started: when the request's headers had arrived, in
    seconds of `time.monotonic`. x_request_id: the id of the HTTP request.
    """

    id: str
    rows: Tensors | Row
    ids: list[str] | None
    started: float
    x_request_id: str


def joined(parts: Sequence[Tensors | Row]) -> Tensors:
    """The tensors of all rows, in their order."""
    single = [part for part in parts if isinstance(part, Row)]
    if len(single) == len(parts):
        return _stacked(single)
    tensors = [_stacked([part]) if isinstance(part, Row) else part for part in parts]
    if len(tensors) == 1:
        return tensors[0]
    return Tensors(
        np.concatenate([part.numbers for part in tensors]),
        np.concatenate([part.categories for part in tensors]),
    )


def _stacked(rows: Sequence[Row]) -> Tensors:
    return Tensors(
        np.array([row.numbers for row in rows], np.float64),  # None becomes NaN
        np.array([row.categories for row in rows], object).reshape(len(rows), -1),
    )


def decided_classes(signature: Signature, scores: Scores) -> list[str] | None:
    """[n] the name of the class decided for each row; None for a regression."""
    if not signature.classes:
        return None
    return [signature.classes[index] for index in scores.decisions.tolist()]
