"""The models that `candidates` in params.yaml may name.

A builder is called with the task, the input columns, the seed and the parameters in params.yaml,
and returns an unfitted pipeline of an encoder and an estimator.
"""

from typing import Any

from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import Pipeline

from sluice.task import Task
from sluice.train.columns import Columns, for_forests
from sluice.train.models import MODELS, Builder


def extra_trees(task: Task, columns: Columns, seed: int, **parameters: Any) -> Pipeline:
    """An example of a model of your own: name it under candidates in params.yaml to try it."""
    estimator = ExtraTreesClassifier(random_state=seed, **parameters)
    return Pipeline([("columns", for_forests(columns)), ("model", estimator)])


CANDIDATES: dict[str, Builder] = {**MODELS, "extra_trees": extra_trees}

# The types in your own pipelines that skops does not know. It loads no other unknown types.
TRUSTED: tuple[str, ...] = ("sklearn.tree._tree.Tree",)
