"""A project with a model for each store, whose stages a test runs one by one, without DVC."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sluice.config import Split
from sluice.train.split import assign
from support.command_line import CommandLine
from support.fixture_project import Toy
from support.fixture_project.build import OWN
from support.fixture_project.params import params

ODD = 'a "quoted", name;\\ é'
SPLIT = {"salt": "toy", "validation": 0.25, "holdout": 0.25, "latest": 0.03}


TARGETS = {"binary": ("late", ["no", "yes"]), "multiclass": ("kind", ["low", "middle", "high"])}


def table(task: str = "binary", seed: int = 3) -> pd.DataFrame:
    """20 stores with different effects, four of which are not suitable for a model of their own.

    "flipped" has its training labels flipped, "constant" has one class, "tiny" has three rows. In a
    task with several classes, "lacking" has all but one of them.
    """
    target, classes = TARGETS[task]
    random = np.random.default_rng(seed)
    names = [ODD, "flipped", "constant", *(f"store {n}" for n in range(17))]
    names[-1] = "lacking" if task == "multiclass" else names[-1]
    at = np.append(np.repeat(np.arange(len(names)), 500), [len(names)] * 3)
    own = np.random.default_rng(4).normal(size=(len(names) + 1, 2)) * 1.5 + 0.5
    own[0] = [3, -2]
    given = random.normal(size=(len(at), 4)).round(3)
    pull = (given[:, :2] * own[at]).sum(axis=1) + random.logistic(size=len(at))
    frame = pd.DataFrame(
        {
            "key": [f"k{n:05d}" for n in range(len(at))],
            "weight": given[:, 0],
            "slope": given[:, 1],
            "side": np.where(given[:, 2] < 0.1, "left", "right"),
            "born": (1975 + given[:, 3] * 12).round().astype(int),
            "store": np.array([*names, "tiny"], object)[at],
            target: np.array(classes)[np.digitize(pull, [0] if task == "binary" else [-1, 1])],
        }
    )
    train = assign(frame, Split(**SPLIT), "key") == "train"
    flipped = (frame["store"] == "flipped") & train
    swap = dict(zip(classes, reversed(classes), strict=True))
    frame.loc[flipped, target] = frame.loc[flipped, target].map(swap)
    frame.loc[frame["store"] == "constant", target] = classes[-1]
    frame.loc[(frame["store"] == "lacking") & (frame[target] == "high"), target] = "middle"
    return frame


def settings(task: str) -> dict[str, Any]:
    given = params(task)
    given["data"]["segments"] = "store"
    for name in ("visits", "waste", "colour"):
        del given["columns"][name]
    given["columns"]["weight"] = given["columns"]["slope"] = {"type": "number"}
    given["columns"]["store"] = {"type": "category"}
    given["candidates"] = {"linear": {"model": "linear"}}
    given["split"] = SPLIT
    bounds = {"binary": {"roc_auc": {"low": 0.7}}, "multiclass": {"log_loss": {"high": 0.9}}}
    given["performance"] |= {"bounds": bounds[task], "segments_on_global": 0.4}
    return given


@dataclass
class Project:
    """A project without DVC, whose stages a test runs one by one."""

    toy: Toy
    command_line: CommandLine | None = None

    @classmethod
    def put(cls, root: Path, task: str, command_line: CommandLine | None = None) -> Project:
        """Write the project, without any results, into a folder."""
        for name in ("src/usecase", "docs"):
            shutil.copytree(OWN / name, root / name)
        toy = Toy(root)
        toy.write_params(settings(task))
        toy.write("adopted.yaml", "{}\n")
        toy.write("judged.jsonl", "")
        toy.write_data(table(task))
        return cls(toy, command_line)

    def run(self, *stage: str) -> Any:
        return self.command_line.run(self.toy.root, *stage, DVC_NO_ANALYTICS="1")


def many_stores(root: Path, stores: Sequence[str], **parameters: Any) -> Toy:
    """A project whose rows are split, but nothing is trained.

    stores: the store of each row; "constant" has rows of one class only. parameters: of the linear
    candidate.
    """
    for name in ("src/usecase", "docs"):
        shutil.copytree(OWN / name, root / name)
    toy = Toy(root)
    random = np.random.default_rng(5)
    given = random.normal(size=(len(stores), 2)).round(3)
    frame = pd.DataFrame(given, columns=["weight", "slope"])
    frame["key"] = [f"k{n:05}" for n in range(len(stores))]
    frame["side"] = "left"
    frame["born"] = 1980
    frame["store"] = stores
    yes = given[:, 0] + random.logistic(size=len(stores)) > 0
    frame["late"] = np.where(yes | (frame["store"] == "constant"), "yes", "no")
    given_settings = settings("binary")
    given_settings["data"]["segments"] = {"column": "store", "rows": 20}
    given_settings["split"] = params("binary")["split"]
    given_settings["candidates"]["linear"]["parameters"] = parameters
    toy.write_params(given_settings)
    toy.write("adopted.yaml", "{}\n")
    toy.write("judged.jsonl", "")
    toy.write_data(frame)
    toy.sluice("split").went_well()
    return toy
