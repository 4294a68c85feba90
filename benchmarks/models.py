"""Compare the candidates that `sluice adopt` proposes with scikit-learn's gradient boosting.

The reference is HistGradientBoosting with native categories and its defaults, fitted on the same
training rows. For each data set it prints the error on the holdout, averaged over several splits:
of the reference, and of the selected candidate as a ratio to it with a paired standard error. An
error is that of the selection metric; for the ROC AUC it is the difference from 1.

Without arguments it uses data sets that scikit-learn ships and some that are generated. Arguments
name CSV or Parquet files and their targets instead: FILE:TARGET.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sluice import config, table
from sluice.adopt import source
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.config import Settings
from sluice.decision import decided, tune
from sluice.metrics import METRICS, Floats
from sluice.train.fit import fit
from sluice.train.models import MODELS
from sluice.train.scores import predict
from sluice.train.search import choose
from sluice.train.settle import settle
from sluice.train.split import assign

_MOST_LEVELS = 254  # the reference allows no more categories; the rarest become missing


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", nargs="*", metavar="FILE:TARGET")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000, help="at most so many rows of a table")
    parser.add_argument("--budget", type=int, help="instead of the one that adopt sets")
    options = parser.parse_args()
    print("data set           rows metric   reference  ratio   ± se  selected", flush=True)
    for name, frame, target in _tables(options.tables):
        some = frame.sample(min(len(frame), options.rows), random_state=0).reset_index(drop=True)
        _compare(name, some, target, options.splits, options.budget)


def _compare(name: str, frame: pd.DataFrame, target: str, splits: int, budget: int | None) -> None:
    settings, rows = _adopted(frame, target, budget)
    ours, theirs, chosen, seconds = [], [], [], 0.0
    for number in range(splits):
        split = settings.split.model_copy(update={"salt": f"benchmark {number}"})
        part = assign(rows, split, None)
        parts = [rows[part == which] for which in ("train", "validation", "holdout")]
        start = time.perf_counter()
        candidate, error = _selected(settings, *parts)
        seconds += time.perf_counter() - start
        chosen.append(candidate)
        ours.append(error)
        theirs.append(_error(settings, parts[2], _reference(settings, parts[0], parts[2])))
    ratios = np.log(np.array(ours) / np.array(theirs))
    spread = ratios.std(ddof=1) / np.sqrt(splits) if splits > 1 else np.nan
    often = ", ".join(f"{c} {chosen.count(c)}" for c in sorted(set(chosen)))
    print(
        f"{name:16} {len(rows):6} {settings.selection.metric:8} {np.mean(theirs):9.4g} "
        f"{np.exp(ratios.mean()):6.3f} {spread:6.3f}  {often} ({seconds / splits:.1f} s)",
        flush=True,
    )


def _adopted(frame: pd.DataFrame, target: str, budget: int | None) -> tuple[Settings, pd.DataFrame]:
    """The settings that `sluice adopt` would write, and the table as the pipeline reads it."""
    with tempfile.TemporaryDirectory() as folder:
        data, path = Path(folder) / "table.csv", Path(folder) / "params.yaml"
        source.write(frame, data)
        profile = infer(source.read(data), "benchmark", target=target, id_column=None, sensitive=[])
        path.write_text(params_yaml(profile, "data/x.csv", permissive_bounds(profile)), "utf-8")
        settings = config.load(path)
        rows = table.typed(table.read_raw(data, settings.columns), settings.columns)
    if budget is None:
        return settings, rows
    changed = {
        name: candidate.model_copy(update={"budget": budget})
        for name, candidate in settings.candidates.items()
    }
    return settings.model_copy(update={"candidates": changed}), rows


def _selected(
    settings: Settings, train: pd.DataFrame, validation: pd.DataFrame, holdout: pd.DataFrame
) -> tuple[str, float]:
    """The candidate with the least error on the validation rows, and its error on the holdout."""
    errors = {}
    for name, candidate in settings.candidates.items():
        build = MODELS[candidate.model]
        pipeline = fit(build, choose(build, candidate, train, settings), train, settings)
        settle(pipeline)
        tried, final = (
            _error(settings, part, predict(pipeline, settings, part[settings.features]))
            for part in (validation, holdout)
        )
        errors[name] = tried, final
    best = min(errors, key=lambda name: errors[name][0])
    return best, errors[best][1]


def _reference(settings: Settings, train: pd.DataFrame, rows: pd.DataFrame) -> Floats:
    kind = (
        HistGradientBoostingRegressor
        if settings.task == "regression"
        else HistGradientBoostingClassifier
    )
    loss = {"loss": "absolute_error"} if settings.selection.metric == "mae" else {}
    model = kind(categorical_features="from_dtype", random_state=0, **loss)
    known = [part[settings.features].copy() for part in (train, rows)]
    for name in settings.features:
        if not settings.columns[name].numeric:
            levels = train[name].value_counts().index[:_MOST_LEVELS].sort_values()
            for part in known:
                part[name] = pd.Categorical(part[name], categories=levels)
    model.fit(known[0], table.truth(train, settings))
    return predict(model, settings, known[1])


def _error(settings: Settings, rows: pd.DataFrame, scores: Floats) -> float:
    truth, metric = table.truth(rows, settings), METRICS[settings.selection.metric]
    value = metric.compute(decided(settings, truth, scores, tune(settings, truth, scores)))
    return 1 - value if metric.higher_is_better else value


def _tables(named: list[str]) -> Iterator[tuple[str, pd.DataFrame, str]]:
    for given in named:
        file, _, target = given.rpartition(":")
        read = pd.read_parquet if file.endswith(".parquet") else pd.read_csv
        frame = read(file)
        frame = frame.drop(columns=[c for c in frame if str(c).startswith("Unnamed")])
        yield Path(file).stem, frame[frame[target].notna()].reset_index(drop=True), target
    if not named:
        yield from _shipped()
        yield from _generated()


def _shipped() -> Iterator[tuple[str, pd.DataFrame, str]]:
    for load in (
        datasets.load_diabetes,
        datasets.load_breast_cancer,
        datasets.load_wine,
        datasets.load_digits,
    ):
        frame = load(as_frame=True).frame
        yield load.__name__.removeprefix("load_"), frame, "target"


def _generated() -> Iterator[tuple[str, pd.DataFrame, str]]:
    random = np.random.default_rng(0)
    yield "many levels", _shops(random, 8_000, 120), "sales"
    yield "few rows", _shops(random, 600, 8), "sales"
    yield "interaction", _interaction(random, 6_000), "answer"
    yield "heavy tail", _claims(random, 6_000), "claim"
    yield "classes", _classes(random, 4_000), "kind"


def _shops(random: np.random.Generator, n: int, count: int) -> pd.DataFrame:
    """Numbers that depend on a category of many levels, of unequal frequency."""
    shop = random.choice(count, n, p=(w := 1 / np.arange(1, count + 1)) / w.sum())
    size, season = random.normal(0, 1, count)[shop], random.choice(12, n)
    price, missing = random.normal(0, 1, n), random.random(n) < 0.1
    sales = 3 * size - price * (1 + np.sin(season)) + np.abs(price) + random.normal(0, 1, n)
    return pd.DataFrame(
        {
            "shop": [f"shop {k}" for k in shop],
            "month": [f"month {k}" for k in season],
            "price": np.where(missing, np.nan, price),
            "noise": random.normal(0, 1, n),
            "sales": sales,
        }
    )


def _interaction(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Yes or no, where the sign of a number's effect depends on a category."""
    job, x, y = random.choice(20, n), random.normal(0, 1, n), random.normal(0, 1, n)
    signal = np.where(job % 3 == 0, x, -x) + x * y / 2 + (job % 5 == 1)
    answer = np.where(random.random(n) < 1 / (1 + np.exp(-1.5 * signal)), "yes", "no")
    return pd.DataFrame({"job": [f"job {k}" for k in job], "x": x, "y": y, "answer": answer})


def _claims(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Amounts of which a few are very large."""
    region, age = random.choice(30, n), random.uniform(18, 90, n)
    level = 5 + region % 7 / 3 + ((age - 50) / 20) ** 2 / 2
    claim = np.exp(level + random.normal(0, 1.5, n))
    return pd.DataFrame({"region": [f"R{k}" for k in region], "age": age, "claim": claim})


def _classes(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Four classes, in regions of two numbers that depend on a category."""
    place, x, y = random.choice(15, n), random.normal(0, 1, n), random.normal(0, 1, n)
    angle = np.arctan2(y, x) + place * 0.7 + random.normal(0, 0.4, n)
    kind = np.floor(angle / (np.pi / 2)).astype(int) % 4
    return pd.DataFrame(
        {"place": [f"place {k}" for k in place], "x": x, "y": y, "kind": [f"k{k}" for k in kind]}
    )


if __name__ == "__main__":
    sys.exit(main())
