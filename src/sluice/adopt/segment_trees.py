"""How large the boosted trees of all segments can become, and what follows from it."""

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
    """The most nodes. leaves: the most in a tree. leaf: the least rows in a leaf."""
    if not profile.segment_rows:
        return 0
    trees = Segments(column="").trees
    own = SimpleNamespace(max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=leaf)
    outputs = len(profile.classes) if profile.task == "multiclass" else 1
    return most_nodes(own, profile.segment_rows, outputs)


def too_many(count: int) -> bool:
    """Whether training would refuse as many nodes."""
    return count > MOST_NODES


def server_memory(count: int) -> int:
    """How much memory a server may use that loads trees with so many nodes, in MiB."""
    needed = _MARGIN * NODE_BYTES * count / _MIB
    return _SERVER + math.ceil(needed / _STEP) * _STEP
