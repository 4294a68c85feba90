"""What every way of asking comes down to, and what is answered."""

from __future__ import annotations

import msgspec

from sluice.model import Scores, Signature, Tensors


class ScoringRequest(msgspec.Struct, frozen=True):
    """Rows to score. ids: [n] what their id column says, if it came. started: monotonic seconds."""

    id: str
    tensors: Tensors
    ids: list[str] | None
    started: float


def decided_classes(signature: Signature, scores: Scores) -> list[str] | None:
    """[n] the classes decided for; None for a regression."""
    if not signature.classes:
        return None
    return [signature.classes[index] for index in scores.decisions.tolist()]
