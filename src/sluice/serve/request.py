"""A request to score rows, in the form that all protocols share."""

from __future__ import annotations

import msgspec

from sluice.model import Scores, Signature, Tensors


class ScoringRequest(msgspec.Struct, frozen=True):
    """Rows to score.

    id: that of the body, otherwise that of the HTTP request. ids: [n] values of the id column, or
    None if the request has no such column. started: when the request's headers had arrived, in
    seconds of `time.monotonic`. x_request_id: the id of the HTTP request.
    """

    id: str
    tensors: Tensors
    ids: list[str] | None
    started: float
    x_request_id: str


def decided_classes(signature: Signature, scores: Scores) -> list[str] | None:
    """[n] the name of the class decided for each row; None for a regression."""
    if not signature.classes:
        return None
    return [signature.classes[index] for index in scores.decisions.tolist()]
