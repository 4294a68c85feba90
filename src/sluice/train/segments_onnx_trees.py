"""The boosted trees of many models as one tree ensemble of ONNX.

There is one tree for each round and output, whatever the number of models. The splits at its top
search for the number of the row's model, and the model's own tree of that round is below them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sluice.train.segment_trees import Trees

if TYPE_CHECKING:
    from onnx import NodeProto


# A node of a search: column, threshold, left, right, value, and whether it is a leaf.
_Node = tuple[int, float, int, int, float, bool]


def ensemble(trees: Trees, width: int, source: str, result: str) -> NodeProto:
    """The node that gives [n, k] sums. source: the name of a matrix of float32.

    width: the number of columns of the models; the next one has the number of the model.
    """
    from onnx import AttributeProto, helper

    node = helper.make_node("TreeEnsembleRegressor", [source], [result], domain="ai.onnx.ml")
    outputs = trees.roots.shape[2]
    parts = [_tree(trees, width, at) for at in range(trees.roots.shape[1] * outputs)]
    sizes = [len(part["leaf"]) for part in parts]
    numbers = np.repeat(np.arange(len(parts)), sizes)
    places = np.concatenate([np.arange(size) for size in sizes])
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    leaf = whole["leaf"]
    integers: dict[str, NDArray[Any]] = {
        "nodes_treeids": numbers,
        "nodes_nodeids": places,
        "nodes_featureids": whole["feature"],
        "nodes_truenodeids": whole["left"],
        "nodes_falsenodeids": whole["right"],
        "nodes_missing_value_tracks_true": whole["missing_left"],
        "target_treeids": numbers[leaf],
        "target_nodeids": places[leaf],
        "target_ids": numbers[leaf] % outputs,
    }
    node.attribute.append(helper.make_attribute("n_targets", outputs))
    for key, values in integers.items():
        made = node.attribute.add(name=key, type=AttributeProto.INTS)
        made.ints.extend(values.tolist())
    floats = {"nodes_values": whole["threshold"], "target_weights": whole["value"][leaf]}
    for key, values in floats.items():
        made = node.attribute.add(name=key, type=AttributeProto.FLOATS)
        made.floats.extend(values.tolist())
    modes = node.attribute.add(name="nodes_modes", type=AttributeProto.STRINGS)
    modes.strings.extend([b"LEAF" if one else b"BRANCH_LEQ" for one in leaf.tolist()])
    return node


def _tree(trees: Trees, width: int, at: int) -> dict[str, NDArray[Any]]:
    """The nodes of one tree. at: the number of its round and output."""
    models, _, outputs = trees.roots.shape
    roots = trees.roots[:, at // outputs, at % outputs]
    start, end = _extent(trees.roots.reshape(models, -1), at, len(trees.feature))
    search = _search(roots, width, start)
    moved = len(search) - start
    own = slice(start, end)
    leaf = trees.feature[own] < 0
    columns = [np.array(column) for column in zip(*search, strict=True)] or [np.empty(0)] * 6
    feature, threshold, left, right, value, ends = columns

    def joined(of_search: NDArray[Any], of_models: NDArray[Any], kind: type) -> NDArray[Any]:
        return np.concatenate([of_search.astype(kind), of_models.astype(kind)])

    return {
        "feature": joined(feature, np.where(leaf, 0, trees.feature[own]), np.int64),
        "threshold": joined(threshold, trees.threshold[own], np.float32),
        "left": joined(left, np.where(leaf, 0, trees.left[own] + moved), np.int64),
        "right": joined(right, np.where(leaf, 0, trees.right[own] + moved), np.int64),
        "missing_left": joined(np.zeros(len(search)), trees.missing_left[own], np.int64),
        "value": joined(value, trees.value[own], np.float32),
        "leaf": joined(ends, leaf, np.bool_),
    }


def _extent(roots: NDArray[np.int32], at: int, count: int) -> tuple[int, int]:
    """Where the nodes of a round and output start and end. count: the number of all nodes."""
    later = roots[:, at + 1 :]
    start = int(roots[:, at][roots[:, at] >= 0].min())
    return start, int(later[later >= 0].min(initial=count))


def _search(roots: NDArray[np.int32], column: int, start: int) -> list[_Node]:
    """The splits that search for a model by its number, and lead to its root, or to 0 if it has no
    tree. In ONNX, the nodes of the models follow these splits. start: the first node of the models.
    """
    # Models without a tree that follow each other share a leaf.
    firsts = [0, *(k for k in range(1, len(roots)) if roots[k] >= 0 or roots[k - 1] >= 0)]
    nodes: list[_Node] = []

    def put(low: int, high: int) -> int:
        """Add the nodes that search from `low` to `high`, and return the number of their root."""
        here = len(nodes)
        root = int(roots[firsts[low]])
        if high - low == 1 and root >= 0:
            return -1 - root  # not numbered yet
        nodes.append((0, 0.0, 0, 0, 0.0, True))
        if high - low > 1:
            middle = (low + high) // 2
            left, right = put(low, middle), put(middle, high)
            nodes[here] = (column, firsts[middle] - 0.5, left, right, 0.0, False)
        return here

    put(0, len(firsts))
    moved = len(nodes) - start
    return [
        (
            feature,
            threshold,
            left if left >= 0 else -1 - left + moved,
            right if right >= 0 else -1 - right + moved,
            value,
            leaf,
        )
        for feature, threshold, left, right, value, leaf in nodes
    ]
