"""Limits that follow from the number of segments and of their rows: nodes and memory."""

from __future__ import annotations

import math
from types import SimpleNamespace

from sluice.adopt.profile import TableProfile
from sluice.config.data import Segments
from sluice.train.segment_kinds import MOST_NODES, NODE_BYTES, most_nodes

_MIB = 2**20
_SERVER = 512  # MiB, of a server with a small model
_STEP = 64  # MiB; the bound is a multiple of it
_MARGIN = 1.5  # a split on a set of categories becomes several nodes, and loading needs more


def nodes(profile: TableProfile, leaves: int, leaf: int) -> int:
    """The most nodes of all trees. leaves: the most leaves of a tree. leaf: the fewest rows of a
    leaf.
    """
    rows = _large(profile)
    if not rows:
        return 0
    trees = Segments(column="").trees
    own = SimpleNamespace(max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=leaf)
    outputs = len(profile.classes) if profile.task == "multiclass" else 1
    return most_nodes(own, rows, outputs)


def on_global(profile: TableProfile) -> float:
    """The share of segments that the model for all rows may serve.

    It is the share of those with too few rows for a model of their own plus a quarter, and at least
    one half.
    """
    small = 1 - len(_large(profile)) / max(1, len(profile.segment_rows))
    return max(0.5, min(1.0, math.ceil((small + 0.25) * 20) / 20))


def _large(profile: TableProfile) -> list[int]:
    """The rows of the segments that are large enough for a model of their own."""
    least = Segments(column="").rows
    return [rows for rows in profile.segment_rows if rows >= least]


def too_many(count: int) -> bool:
    """Whether training would refuse this many nodes."""
    return count > MOST_NODES


def server_memory(count: int) -> int:
    """How much memory a server may use that loads trees with so many nodes, in MiB."""
    needed = _MARGIN * NODE_BYTES * count / _MIB
    return _SERVER + math.ceil(needed / _STEP) * _STEP
