"""Models of segments that a Spark cluster fits equal those of one machine, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, LogisticRegressionCV, Ridge
from threadpoolctl import threadpool_limits

from sluice.errors import SluiceError
from sluice.train import segment_groups, segment_work
from sluice.train.persist import load
from sluice.train.segment_work import Work, described
from support.command_line import InProcess
from support.fixture_project import Toy
from support.segments import ODD, many_stores
from support.spark import Cluster

pytestmark = pytest.mark.xdist_group("spark")

STORES = [ODD, "constant", *(f"s{n:03}" for n in range(208))]  # three groups of models


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Stores with 80 rows each; "constant" has one class, and "tiny" three rows."""
    return many_stores(tmp_path, [*(STORES * 80), *["tiny"] * 3], C=0.5)


def test_a_cluster_fits_the_same_models_which_are_kept_after_a_kill(
    toy: Toy, cluster: Cluster
) -> None:
    """The models that the cluster has not fitted before the kill are fitted in this process,
    because a second Spark run would start slowly.
    """
    toy.sluice("train", "linear").went_well()
    made = toy.root / "out/candidates/linear"
    alone = {path.name: path.read_bytes() for path in made.iterdir()}
    shutil.rmtree(made)

    command = ["train", "linear", "--engine", "spark", "--master", cluster.url]
    process = subprocess.Popen(
        [sys.executable, "-m", "sluice.cli", *command],
        cwd=toy.root,
        env=toy.environment(**cluster.environment),
        stdout=subprocess.DEVNULL,
    )
    while not list((toy.root / "out/unfinished/linear").glob("*/0.npz")):
        assert process.poll() is None, "the training ended before it was killed"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not made.exists()

    ran = toy.sluice("train", "linear").went_well()
    served = json.loads(alone["segments.json"])
    count = len(served)
    assert count > 200, "three groups"
    (kept,) = [line for line in ran.out.splitlines() if "were fitted before" in line]
    assert 0 < int(kept.removeprefix("usecase: ").split()[0]) <= count
    assert {path.name: path.read_bytes() for path in made.iterdir()} == alone
    assert not served["constant"]
    assert served[ODD]
    assert "tiny" not in served
    assert len({*load(made / "pipeline.skops")[-1].intercept_[:, 0]}) == count
    assert not (toy.root / "out/unfinished/linear").exists()


def test_what_cannot_be_fitted_on_a_cluster_is_refused(toy: Toy, in_process: InProcess) -> None:
    spark = ["--engine", "spark", "--master", "local[1]"]

    def refused(why: str, *command: str) -> None:
        ran = in_process(toy, *command)
        assert ran.status == 2
        assert why in ran.line

    refused("must be given together", "train", "linear", "--engine", "spark")
    refused("--locked exclude each other", "package", "build", "--locked", *spark)
    down = "spark://127.0.0.1:9"
    refused("no Spark master answers", "train", "linear", *spark[:3], down)
    code = toy.text("src/usecase/candidates.py")
    own = """
from sklearn.linear_model import LogisticRegression
class Own(LogisticRegression):
    pass
def own(task, columns, seed, **parameters):
    pipeline = MODELS["linear"](task, columns, seed)
    pipeline.steps[-1] = ("model", Own())
    return pipeline
CANDIDATES = {**CANDIDATES, "own": own}
"""
    toy.write("src/usecase/candidates.py", f"{code}\nfrom sluice.train.models import MODELS\n{own}")
    with toy.params() as changed:
        changed["candidates"] = {"mine": {"model": "own"}}
    refused("candidates.mine: the model Own cannot be fitted on Spark", "train", "mine", *spark)
    with toy.params() as changed:
        del changed["data"]["segments"]
    refused("params.yaml has no data.segments", "train", "mine", *spark)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(C=0.1, class_weight={0: 1, 1: 2.5}),
        Ridge(2),
        LinearRegression(),
        HistGradientBoostingClassifier(categorical_features=[1, 2], monotonic_cst=[0, -1, 0]),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.3, random_state=7),
    ],
)
def test_an_estimator_is_the_same_after_it_was_data(estimator: Any) -> None:
    import msgspec

    given = msgspec.json.decode(
        msgspec.json.encode(described(estimator)), type=type(described(Ridge()))
    )
    assert given.kind == type(estimator).__name__
    assert given.parameters == estimator.get_params()


@pytest.mark.parametrize("estimator", [LogisticRegressionCV(), Ridge(alpha=np.ones(2))])
def test_another_estimator_is_refused(estimator: Any) -> None:
    with pytest.raises(SluiceError, match="cannot be fitted on Spark"):
        described(estimator)


def test_a_worker_with_another_version_is_refused() -> None:
    versions = {**segment_work.versions(), "scipy": "0.1"}
    work = Work(described(Ridge()), 2, 0, 1, {0: [2]}, versions)
    with pytest.raises(SluiceError, match=r"a worker has scipy .* and the driver 0\.1"):
        segment_work.fit(work, 0, np.ones((2, 2)).tobytes())


def test_boosted_trees_of_a_worker_are_those_of_this_machine() -> None:
    import msgspec

    random = np.random.default_rng(2)
    numbers = random.normal(size=(500, 2)).astype(np.float32).astype(np.float64)
    numbers[:30, 0] = np.nan
    features = np.column_stack([numbers, random.integers(0, 5, 500)])
    truth = (numbers[:, 1] * (features[:, 2] - 2) > 0).astype(np.int64)
    own = HistGradientBoostingClassifier(
        max_iter=5, categorical_features=[2], monotonic_cst=[1, 0, 0], random_state=1
    )
    sizes = [300, 150, 47, 3]
    parts = np.split(np.arange(500), np.cumsum(sizes)[:-1])
    with threadpool_limits(1):
        here = segment_groups.fit(own, [(features[part], truth[part]) for part in parts], 100, 2)
    work = Work(described(own), 100, 2, 4, {0: sizes}, segment_work.versions())
    sent = msgspec.json.decode(msgspec.json.encode(work), type=Work)
    with threadpool_limits(1):
        there = segment_work.fit(sent, 0, np.column_stack([features, truth]).tobytes())
    assert [one is None for one in here] == [False, False, True, True]
    for one, other in zip(here[:2], there[:2], strict=True):
        assert one.tobytes() == other.tobytes()
