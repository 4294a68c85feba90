"""The export gives the pipeline's scores, even on rows constructed to reveal differences."""

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import Pipeline

from sluice.model import Input, Model, Signature, Tensors
from sluice.train import thresholds
from sluice.train.columns import Columns, for_forests
from sluice.train.export import to_onnx
from sluice.train.models import boosting, linear, native_boosting
from sluice.train.settle import settle

ROWS, TOLERANCE = 5_000, 1e-6
BUILDERS = (linear, boosting, native_boosting)
PLACES = [f"place {k}" for k in range(70)]
# Rows without a level are in training, and a level without rows is declared.
LEVELS = (("", "x", "y", "z"), ("1", "2"), (*PLACES[:40], "place 45 b", *PLACES[50:60], "zoo"))


def forest(task, columns, seed):
    trees = ExtraTreesClassifier(n_estimators=30, max_depth=8, random_state=seed)
    return Pipeline([("columns", for_forests(columns)), ("model", trees)])


@pytest.fixture(scope="module")
def numbers():
    random = np.random.default_rng(0)
    gaps = np.where(random.random(ROWS) < 0.3, np.nan, random.normal(size=ROWS) * 1e4)
    return pd.DataFrame(
        {
            "small": random.normal(size=ROWS),
            "beyond float32": random.integers(10**9 - 10**6, 10**9 + 10**6, ROWS).astype(float),
            "cents": np.round(random.gamma(2, 5000, ROWS), 2),
            "gaps": gaps,
            "steps": random.integers(-5, 5, ROWS).astype(float),
        }
    )


@pytest.fixture(scope="module")
def categories():
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "text": random.choice(["x", "y", "z", ""], ROWS),
            "code": random.choice(["1", "2"], ROWS),
            "place": random.choice(PLACES, ROWS),
        }
    )


@pytest.fixture(scope="module")
def table(numbers, categories):
    return numbers, categories


def target(task, numbers, categories):
    signal = numbers["small"] + (numbers["beyond float32"] - 1e9) / 1e6 + numbers["cents"] / 5000
    signal += np.nan_to_num(numbers["gaps"]) / 1e4 + (categories["text"] == "x")
    # The places that go to one side of a split need not be neighbours in alphabetical order.
    effect = np.random.default_rng(5).normal(size=len(PLACES))
    place = effect[categories["place"].str.removeprefix("place ").astype(int)]
    signal += place * np.where(categories["code"] == "1", 1, numbers["small"])
    signal += np.random.default_rng(2).normal(size=ROWS)
    if task == "regression":
        return signal * 1000 + 5e4
    return np.digitize(signal, [3] if task == "binary" else [2, 4])


def fuzzed(numbers, estimator, count):
    """Return rows drawn with replacement, with values on and beside the thresholds, missing values
    and very large ones."""
    random = np.random.default_rng(3)
    rows = numbers.iloc[random.integers(0, ROWS, count)].reset_index(drop=True)
    splits = thresholds.of_model(estimator)
    for position, name in enumerate(rows):
        values, turn = rows[name].to_numpy(copy=True), random.random(count)
        at = splits.get(position, np.array([]))
        at = at[np.isfinite(at)]
        if len(at):
            drawn = random.choice(at, count)
            near = drawn.astype(np.float32)
            beside = np.stack(
                [
                    drawn,
                    np.nextafter(drawn, np.inf),
                    np.nextafter(drawn, -np.inf),
                    np.nextafter(near, np.float32(np.inf)),
                    np.nextafter(near, np.float32(-np.inf)),
                ]
            )
            chosen = beside[random.integers(0, len(beside), count), np.arange(count)]
            values = np.where(turn < 0.4, chosen, values)
        values = np.where((turn > 0.4) & (turn < 0.5), np.nan, values)
        large = random.integers(2**24, 2**40, count).astype(float)
        rows[name] = np.where((turn > 0.5) & (turn < 0.55), large, values)
    return rows


@pytest.mark.parametrize(
    ("task", "builder"),
    [
        *((task, b) for task in ("binary", "multiclass", "regression") for b in BUILDERS),
        ("binary", forest),
        ("multiclass", forest),
    ],
)
def test_export_is_exact(task, builder, table, tmp_path, size):
    numbers, categories = table
    columns = Columns(tuple(numbers), tuple(categories), LEVELS, (0,) * 5)
    rows = pd.concat([numbers, categories], axis=1)
    pipeline = builder(task, columns, 0).fit(rows, target(task, numbers, categories))
    settle(pipeline)
    inputs = [Input(n, "number") for n in numbers] + [Input(n, "category") for n in categories]
    classes = {"binary": ("0", "1"), "multiclass": ("0", "1", "2"), "regression": ()}[task]
    signature = Signature(task, tuple(inputs), classes)
    (tmp_path / "signature.json").write_bytes(msgspec.json.encode(signature))
    (tmp_path / "model.onnx").write_bytes(to_onnx(pipeline, signature).SerializeToString())

    random = np.random.default_rng(4)
    count = size(50_000, 1_000_000)
    odd = fuzzed(numbers, pipeline[-1], count)
    texts = pd.DataFrame(
        {
            "text": random.choice(["x", "y", "z", "", "never seen"], count),
            "code": random.choice(["1", "2", "9", ""], count),
            "place": random.choice([*PLACES, "zoo", "place 45 b", "never seen", ""], count),
        }
    )
    both = pd.concat([odd, texts], axis=1)
    expected = pipeline.predict(both) if task == "regression" else pipeline.predict_proba(both)
    expected = expected[:, 1] if task == "binary" else expected
    got = Model(tmp_path).score(Tensors(odd.to_numpy(), texts.to_numpy(object))).values
    assert (np.abs(got - expected) / np.maximum(1.0, np.abs(expected))).max() <= TOLERANCE
