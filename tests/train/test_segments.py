"""Models for segments: exactly exported, served only where they are better, refused for an id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from sluice import files
from sluice.config.data import Segments
from sluice.errors import SluiceError
from sluice.model import Decision, Input, Model, Scores, Signature, Tensors
from sluice.segment_gains import gains, losses
from sluice.task import Task
from sluice.train import persist
from sluice.train.columns import Columns, for_trees
from sluice.train.export import to_onnx
from sluice.train.models import MODELS
from sluice.train.scores import predict
from sluice.train.segments import global_scores, known, segmented, serve_only
from sluice.train.settle import settle

ODD = ['a "quoted"\nname', "é,;'\\", "None", "-1", " "]
COLUMNS = Columns(("a", "b"), ("colour",), (("blue", "red"),), (0, 0), "store")
TASKS: list[Task] = ["binary", "multiclass", "regression"]
FLIPPED: dict[Task, int] = {"binary": 1, "multiclass": 2, "regression": 0}  # minus the truth
DECISIONS: dict[Task, tuple[tuple[str, ...], Decision]] = {
    "binary": (("no", "yes"), Decision(threshold=0.5)),
    "multiclass": (("low", "middle", "high"), Decision(costs=(1.0, 1.0, 2.0))),
    "regression": ((), Decision()),
}
INPUTS = [Input("a", "number"), Input("b", "number")]
INPUTS += [Input("colour", "category"), Input("store", "category")]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    """Use one thread, as commands do: sums are then computed in the same order everywhere."""
    with threadpool_limits(1):
        yield


@dataclass(frozen=True)
class Rows:
    """Rows of segments, and their true classes or numbers."""

    frame: pd.DataFrame
    truth: np.ndarray

    def of(self, name: str) -> np.ndarray:
        return (self.frame["store"] == name).to_numpy()


def rows(task: Task, names: Sequence[str], each: int, seed: int, strength: float = 1.5) -> Rows:
    """Each segment has effects of its own, which differ by `strength` standard deviations."""
    random, effects = np.random.default_rng(seed), np.random.default_rng(5)
    own = effects.normal(size=(len(names), 2)) * strength + [0.5, -0.5]
    at = np.repeat(np.arange(len(names)), each)
    given = random.normal(size=(len(at), 2)).round(4)
    colour = random.choice(["red", "blue", "", "green"], len(at))
    pull = (given * own[at]).sum(axis=1) + (colour == "red")
    frame = pd.DataFrame({"a": given[:, 0], "b": given[:, 1], "colour": colour})
    frame.loc[random.random(len(at)) < 0.05, "a"] = np.nan
    frame["store"] = np.array(names, object)[at]
    if task == "binary":
        return Rows(frame, (pull + random.logistic(size=len(at)) > 0).astype(np.int64))
    if task == "multiclass":
        return Rows(frame, np.digitize(pull + random.logistic(size=len(at)), [-1, 1]))
    return Rows(frame, pull + random.normal(size=len(at)))


def fitted(task: Task, train: Rows, least: int = 50, model: str = "linear") -> Any:
    parameters = {} if model == "linear" else {"max_iter": 30}
    plain = MODELS[model](task, COLUMNS, 0, **parameters)
    found = segmented(plain, COLUMNS, train.frame, Segments(column="store", rows=least))
    found.fit(train.frame[COLUMNS.inputs], train.truth)
    settle(found)
    return found


def predicted(pipeline: Any, frame: pd.DataFrame) -> np.ndarray:
    if hasattr(pipeline, "predict_proba"):
        found = pipeline.predict_proba(frame)
        return found[:, 1] if found.shape[1] == 2 else found
    return pipeline.predict(frame)


def exported(pipeline: Any, task: Task, folder: Path) -> Model:
    classes, decision = DECISIONS[task]
    signature = Signature(task, tuple(INPUTS), classes, decision, None, "store")
    persist.save(pipeline, folder / "pipeline.skops")
    loaded = persist.load(folder / "pipeline.skops")
    files.write(folder / "model.onnx", to_onnx(loaded, signature).SerializeToString())
    files.write(folder / "signature.json", files.encode_record(signature))
    return Model(folder)


def scored(model: Model, frame: pd.DataFrame) -> Scores:
    numbers, texts = frame[["a", "b"]], frame[["colour", "store"]]
    return model.score(Tensors(numbers.to_numpy(float), texts.to_numpy(object)))


@pytest.mark.parametrize("model", ["linear", "boosting", "native_boosting"])
@pytest.mark.parametrize("task", TASKS)
def test_the_export_scores_each_row_with_the_model_of_its_segment(task, model, tmp_path):
    names = [*ODD, *(f"store {n}" for n in range(10))]
    train = rows(task, names, 120, seed=1)
    pipeline = fitted(task, train, model=model)
    serve_only(pipeline, [name for name in names if name != "store 3"])
    asked = rows(task, names, 20, seed=2).frame
    asked.loc[:4, "store"] = "nowhere"
    asked.loc[5:9, "store"] = ""
    found = scored(exported(pipeline, task, tmp_path), asked)
    exact = 1e-14 if model == "linear" else 1e-6  # trees are added as float32
    assert np.abs(found.values - predicted(pipeline, asked)).max() < exact
    rest = asked["store"].isin(["nowhere", "", "store 3"]).to_numpy()
    own = [None if other else name for other, name in zip(rest, asked["store"], strict=True)]
    assert list(found.segments) == own
    parameters = {} if model == "linear" else {"max_iter": 30}
    alone = MODELS[model](task, COLUMNS, 0, **parameters)
    alone.fit(train.frame[COLUMNS.names], train.truth)
    settle(alone)
    gap = np.abs(found.values - predicted(alone, asked[COLUMNS.names])).reshape(len(asked), -1)
    gap = gap.max(axis=1)
    assert gap[rest].max() < max(exact, 1e-9), "the model for all rows is another one"
    assert gap[~rest].max() > 0.01


@pytest.mark.parametrize(("task", "most"), [("binary", 7), ("multiclass", 21)])
def test_many_rows_are_scored_in_several_calls_with_equal_results(
    task, most, tmp_path, monkeypatch
):
    names = ["north", "south"]
    pipeline = fitted(task, rows(task, names, 120, seed=1))
    serve_only(pipeline, ["north"])
    model, asked = exported(pipeline, task, tmp_path), rows(task, names, 20, seed=2).frame
    whole, calls = scored(model, asked), []
    once = model._score
    monkeypatch.setattr(
        model, "_score", lambda tensors: calls.append(len(tensors)) or once(tensors)
    )
    monkeypatch.setattr("sluice.model._AT_ONCE", most)
    found = scored(model, asked)
    assert calls == [7, 7, 7, 7, 7, 5]
    assert (found.values == whole.values).all()
    assert (found.decisions == whole.decisions).all()
    assert list(found.segments) == list(whole.segments)
    monkeypatch.setattr("sluice.train.scores._AT_ONCE", 7)
    settings = SimpleNamespace(task=task)
    assert np.abs(predict(pipeline, settings, asked) - predicted(pipeline, asked)).max() < 1e-15


def test_a_segment_without_enough_rows_or_with_one_class_has_no_model_of_its_own():
    train = rows("binary", ["good", "constant", "tiny"], 200, seed=3)
    train.truth[train.of("constant")] = 1
    few = ~train.of("tiny") | (np.arange(len(train.truth)) < 403)
    train = Rows(train.frame[few].reset_index(drop=True), train.truth[few])
    assert train.of("tiny").sum() == 3
    pipeline = fitted("binary", train)
    assert known(pipeline) == ["constant", "good"]
    assert pipeline[-1].served_.tolist() == [False, True]
    bad = ~train.of("good")
    same = global_scores(pipeline, train.frame)
    assert (predicted(pipeline, train.frame)[bad] == same[bad]).all()
    assert (predicted(pipeline, train.frame)[~bad] != same[~bad]).any()


def test_a_segment_without_rows_of_a_class_has_no_model_of_its_own():
    train = rows("multiclass", ["good", "lacking"], 200, seed=3)
    train.truth[train.of("lacking") & (train.truth == 2)] = 1
    pipeline = fitted("multiclass", train)
    assert pipeline[-1].served_.tolist() == [True, False]
    assert pipeline[-1].coef_.shape[:2] == (3, 3)
    bad = train.of("lacking")
    same = global_scores(pipeline, train.frame)
    assert (predicted(pipeline, train.frame)[bad] == same[bad]).all()
    assert (predicted(pipeline, train.frame)[~bad] != same[~bad]).any()


@pytest.mark.parametrize("task", TASKS)
def test_a_segment_whose_training_labels_were_flipped_is_not_served_by_its_model(task):
    names = [f"store {n}" for n in range(30)]
    train, fresh = rows(task, names, 150, seed=4), rows(task, names, 60, seed=5)
    flipped = train.of("store 7")
    train.truth[flipped] = FLIPPED[task] - train.truth[flipped]
    pipeline = fitted(task, train)
    own = losses(task, fresh.truth, predicted(pipeline, fresh.frame))
    rest = losses(task, fresh.truth, global_scores(pipeline, fresh.frame))
    judged = {one.name: one for one in gains(known(pipeline), fresh.frame["store"], own, rest)}
    assert judged["store 7"].status == "fail"
    assert sum(one.status == "pass" for one in judged.values()) > 20


def test_a_column_with_a_value_for_each_row_is_refused_at_once():
    count = 1_000_000
    frame = pd.DataFrame({"store": np.arange(count).astype(str).astype(object)})
    plain = MODELS["linear"]("binary", COLUMNS, 0)
    with pytest.raises(SluiceError, match=r"none of the 1,000,000 values .* is it an id\?"):
        segmented(plain, COLUMNS, frame, Segments(column="store"))


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (ExtraTreesClassifier(), r"only linear models and .* not ExtraTreesClassifier"),
        (HistGradientBoostingRegressor(loss="poisson"), "boosted trees with the loss 'poisson'"),
    ],
)
def test_other_candidates_are_refused_in_one_line(estimator, why):
    train = rows("binary", ["x"], 200, seed=1)
    other = Pipeline([("columns", for_trees(COLUMNS)), ("model", estimator)])
    with pytest.raises(SluiceError, match=why) as refusal:
        segmented(other, COLUMNS, train.frame, Segments(column="store"))
    assert "\n" not in str(refusal.value)


def test_trees_that_may_be_too_many_are_refused_before_the_training(monkeypatch):
    train = rows("multiclass", ["north", "south"], 200, seed=1)
    plain = MODELS["boosting"]("multiclass", COLUMNS, 0)
    chosen = Segments(column="store", rows=50)
    segmented(plain, COLUMNS, train.frame, chosen, 3)
    monkeypatch.setattr("sluice.train.segment_kinds.MOST_NODES", 1_900)
    with pytest.raises(SluiceError, match=r"2 segments may need 1,920 nodes"):
        segmented(plain, COLUMNS, train.frame, chosen, 3)
    segmented(MODELS["linear"]("multiclass", COLUMNS, 0), COLUMNS, train.frame, chosen, 3)


def test_the_models_do_not_depend_on_the_workers_or_on_the_order_of_the_rows():
    train = rows("binary", [f"store {n}" for n in range(70)], 60, seed=6)
    found = []
    for jobs in (1, 2):
        plain = MODELS["linear"]("binary", COLUMNS, 0)
        pipeline = segmented(plain, COLUMNS, train.frame, Segments(column="store", rows=50))
        pipeline[-1].jobs = jobs
        pipeline.fit(train.frame[COLUMNS.inputs], train.truth)
        settle(pipeline)
        found.append(pipeline[-1].coef_)
    assert (found[0] == found[1]).all()
    order = np.random.default_rng(0).permutation(len(train.truth))
    mixed = Rows(train.frame.iloc[order].reset_index(drop=True), train.truth[order])
    again = fitted("binary", mixed)
    assert np.abs(again[-1].coef_ - found[0]).max() < 1e-7
