"""What the report shows about the models of segments, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from sluice.segment_gains import SegmentGain

_WORST = 15
_NAMED = 20  # segments for each reason
_BARS = 40
_REASONS = {
    "fail": "the validation part shows that its own model is worse",
    "insufficient": "the validation part does not show that its own model is better",
}


def summary(
    column: str,
    rows: Mapping[str, int],
    own: set[str],
    *,
    tried: Sequence[SegmentGain],
    judged: Sequence[SegmentGain],
    least: int,
) -> dict[str, Any]:
    """Counts, the worst models in use, and why the model for all rows serves other segments.

    rows: the holdout rows of each segment. own: the segments whose own models are in use. tried:
    the results on the validation part. judged: the results of `own` on the holdout. least: how many
    training rows a model needs.
    """
    known = [one for one in judged if one.gain is not None]
    worst = sorted(known, key=lambda one: (one.gain, one.name))[:_WORST]
    status = {one.name: one.status for one in tried}
    none = f"there are fewer than {least} training rows, or no row of one of the classes"
    reasons: dict[str, list[str]] = {}
    for name in sorted(set(rows) - own, key=lambda name: (-rows[name], name)):
        reasons.setdefault(_REASONS.get(status.get(name, ""), none), []).append(name)
    counts, edges = np.histogram(
        [one.gain or 0.0 for one in known], bins=min(_BARS, len(known) + 1)
    )
    return {
        "column": column,
        "segments": len(rows),
        "own": len(own & set(rows)),
        "worst": msgspec.to_builtins(worst),
        "others": [
            {"reason": reason, "segments": len(names), "largest": names[:_NAMED]}
            for reason, names in sorted(reasons.items())
        ],
        "gains": {
            "edges": [float(f"{edge:.6g}") for edge in edges.tolist()] if known else [],
            "segments": counts.tolist() if known else [],
        },
    }
