"""Bounds for a new table, measured on it: a start that its owner is meant to revise.

Nothing here looks at the rows that the split holds out. What is measured on the
others is put six standard errors on the safe side, as wide as they will be on a
holdout of its size: a gate wants its whole 95 % interval inside the bound, and
both the holdout and the model that is trained in the end will differ by chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice import table
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.metrics import FAIRNESS_MEASURES, METRICS, Floats, Outcome
from sluice.model import Decision
from sluice.train.split import PARTS, assign, identities

if TYPE_CHECKING:
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

_ERRORS = 6
_RESAMPLES = 100
_FOLDS = 3  # two thirds of these rows are about as many as the train part holds
_ROWS = 20_000  # a sample as large as this says enough
_TELLTALE = 0.999
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Estimate:
    """A metric by cross-validation: its value, its standard error on the holdout, the bound."""

    value: float
    error: float
    bound: float


@dataclass(frozen=True)
class Derived:
    """leaks: columns that tell the target alone; fairness: by measure, intersections likewise."""

    duplicates: float
    class_share: float | None
    leakage: float
    leaks: tuple[str, ...]
    parity: float
    estimates: dict[str, Estimate]
    group_rows: int
    fairness: dict[str, Estimate]
    intersections: dict[str, Estimate]
    largest: str
    largest_share: float


@dataclass(frozen=True)
class Trial:
    """One candidate by cross-validation: `outcome` over all rows, and the last fold's model."""

    outcome: Outcome
    pipeline: Pipeline
    unseen: DataFrame


def derive(frame: DataFrame, settings: Settings) -> Derived:
    """frame: a typed table. Raises SluiceError where the split leaves a part without a class."""
    part = assign(identities(frame, settings.data.id), settings.split)
    _require_parts(frame, part, settings)
    held = int((part == "holdout").sum())
    rows = frame[(part == "train") | (part == "validation")]
    if len(rows) > _ROWS:
        rows = rows.sample(_ROWS, random_state=settings.seed)
    rows = rows.reset_index(drop=True)
    trials = {name: _cross_validate(name, rows, settings) for name in settings.candidates}
    metric = settings.selection.metric
    best = _best(trials, metric)
    close = _as_good(trials, best, metric, settings, int((part == "validation").sum()))
    group_rows, fairness, intersections = _fairness(rows, trials[best].outcome, settings, held)
    leakage, leaks = _leakage(frame, settings)
    largest, share = max((_largest(trial, settings) for trial in close), key=lambda found: found[1])
    return Derived(
        _duplicates(frame, settings),
        _class_share(frame, settings),
        leakage,
        leaks,
        _parity(close, settings),
        _estimates([trial.outcome for trial in close], settings, held),
        group_rows,
        fairness,
        intersections,
        largest,
        share,
    )


def _require_parts(frame: DataFrame, part: NDArray[np.object_], settings: Settings) -> None:
    target = settings.data.target
    for name in PARTS:
        if not (part == name).any():
            raise SluiceError(
                f"{len(frame)} rows are too few to split: the {name} part is empty; bring more rows"
            )
    wanted = (
        {"train": 2, "validation": 1, "holdout": 1} if settings.task == "binary" else {"train": 2}
    )
    for name, least in wanted.items():
        met = frame[target][part == name].value_counts()
        for known in settings.classes:
            if met.get(known, 0) < least:
                raise SluiceError(
                    f"class {known!r} of {target!r} has {int((frame[target] == known).sum())} rows "
                    f"of {len(frame):,}, too few for the {name} part: bring more rows of it, or "
                    "fold it into another class"
                )


def _cross_validate(name: str, rows: DataFrame, settings: Settings) -> Trial:
    from sklearn.model_selection import KFold, StratifiedKFold

    from sluice.decision import decided, tune
    from sluice.train.fit import columns_of, predict
    from sluice.train.models import MODELS

    truth = table.truth(rows, settings)
    shape = (len(rows), len(settings.classes)) if settings.task == "multiclass" else (len(rows),)
    scores = np.zeros(shape)
    kind = KFold if settings.task == "regression" else StratifiedKFold
    cut = kind(_FOLDS, shuffle=True, random_state=settings.seed)
    candidate = settings.candidates[name]
    for seen, unseen in cut.split(rows, truth):
        columns = columns_of(settings, rows.iloc[seen])
        pipeline = MODELS[candidate.model](
            settings.task, columns, settings.seed, **candidate.parameters
        )
        pipeline.fit(rows.iloc[seen][columns.names], truth[seen])
        left = rows.iloc[unseen][columns.names]
        scores[unseen] = predict(pipeline, settings, left)
    outcome = decided(settings, truth, scores, tune(settings, truth, scores))
    return Trial(outcome, pipeline, left)


def _best(trials: dict[str, Trial], metric: str) -> str:
    score = METRICS[metric]
    values = {name: score.compute(trial.outcome) for name, trial in trials.items()}
    return max(values, key=lambda name: score.gain(values[name], 0.0))


def _as_good(
    trials: dict[str, Trial], best: str, metric: str, settings: Settings, validation: int
) -> list[Trial]:
    """The candidates that may be selected in the end, by the luck of so few validation rows."""
    score = METRICS[metric]
    top = score.compute(trials[best].outcome)
    drawn = _resampled(trials[best].outcome, [metric], validation, settings.seed)[metric]
    room = 3 * float(np.nanstd(drawn))
    return [t for t in trials.values() if score.gain(top, score.compute(t.outcome)) <= room]


def _estimates(outcomes: list[Outcome], settings: Settings, held: int) -> dict[str, Estimate]:
    """Each metric of the weakest of these candidates, the best of them being chosen by chance.

    The first metric is held to what a constant answer reaches; another one that says
    no more than that is left out.
    """
    names = _metrics(outcomes[0], settings, held)
    made: dict[str, Estimate] = {}
    for outcome in outcomes:
        for name, values in _resampled(outcome, names, held, settings.seed).items():
            estimate = _estimate(name, outcome, values, held)
            if name not in made or METRICS[name].gain(estimate.bound, made[name].bound) < 0:
                made[name] = estimate
    for name in names:
        least = METRICS[name].compute(_constant(outcomes[0]))
        if METRICS[name].gain(made[name].bound, least) > 0:
            continue
        if name == names[0]:
            made[name] = replace(made[name], bound=float(f"{least:.3g}"))
        else:
            del made[name]
    return made


def _metrics(outcome: Outcome, settings: Settings, held: int) -> list[str]:
    """What says something about this task on so many rows."""
    if settings.task == "regression":
        return ["mae"] if settings.selection.metric == "mae" else ["r2", "mae"]
    rarest = int(np.bincount(outcome.truth.astype(np.intp)).min()) * held / len(outcome.truth)
    if settings.task == "binary":
        # With few positives a Brier score says how many they happen to be.
        return ["roc_auc", "average_precision", *(["brier"] if rarest > 30 else [])]
    return ["accuracy", "brier", *(["roc_auc"] if rarest > 10 else [])]


def _estimate(name: str, outcome: Outcome, drawn: Floats, held: int) -> Estimate:
    metric = METRICS[name]
    value, error = metric.compute(outcome), float(np.nanstd(drawn))
    # Where no error was met, up to three in so many rows still may be ("rule of three").
    room = max(_ERRORS * error, 3 / held if outcome.task != "regression" else abs(value) / 50)
    weakest = value - room if metric.higher_is_better else value + room
    return Estimate(value, error, _tidy(weakest, room, up=not metric.higher_is_better))


def _constant(outcome: Outcome) -> Outcome:
    """The same answer for every row: the mean, or the shares of the classes."""
    rows = len(outcome.truth)
    if outcome.task == "regression":
        mean = np.full(rows, float(outcome.truth.mean()))
        return Outcome(outcome.task, outcome.truth, mean, mean, outcome.costs, outcome.classes)
    share = np.bincount(outcome.truth.astype(np.intp), minlength=len(outcome.classes)) / rows
    decisions = np.full(rows, int(share.argmax()))
    scores = np.full(rows, share[1]) if outcome.task == "binary" else np.tile(share, (rows, 1))
    return Outcome(outcome.task, outcome.truth, scores, decisions, outcome.costs, outcome.classes)


def _tidy(value: float, room: float, *, up: bool) -> float:
    """Two digits of what `room` makes significant, rounded away from the estimate."""
    step = 10.0 ** (math.floor(math.log10(room)) - 1) if room > 0 else 1e-3
    rounded = (math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)) * step
    return float(f"{rounded:.12g}")


def _resampled(outcome: Outcome, names: list[str], rows: int, seed: int) -> dict[str, Floats]:
    """[resamples] values of each metric on so many rows; NaN where undefined."""
    return _drawn(
        lambda chosen: {name: METRICS[name].compute(outcome.rows(chosen)) for name in names},
        len(outcome.truth),
        rows,
        seed,
    )


def _drawn(
    statistic: Callable[[NDArray[np.intp]], dict[str, float]], n: int, rows: int, seed: int
) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    values = [statistic(random.integers(0, n, rows)) for _ in range(_RESAMPLES)]
    return {name: np.array([value[name] for value in values]) for name in values[0]}


def _duplicates(frame: DataFrame, settings: Settings) -> float:
    own = [name for name in settings.columns if name != settings.data.id]
    seen = float(frame.duplicated(own).mean())
    return min(1.0, math.ceil((seen * 1.5 + 0.01) * 100) / 100)


def _class_share(frame: DataFrame, settings: Settings) -> float | None:
    """Half the rarest class's share."""
    if settings.task == "regression":
        return None
    half = float(frame[settings.data.target].value_counts(normalize=True).min()) / 2
    return _tidy(half, half, up=False)


def _leakage(frame: DataFrame, settings: Settings) -> tuple[float, tuple[str, ...]]:
    """A bound that lets pass what was measured, but not what tells the target outright."""
    from sluice.check.leakage import power

    truth = table.truth(frame, settings)
    told = {name: power(frame, truth, settings, name) for name in settings.features}
    leaks = tuple(name for name, value in told.items() if value > _TELLTALE)
    honest = [v for name, v in told.items() if math.isfinite(v) and name not in leaks]
    most = max(honest, default=0.0)
    return max(0.95, min(_TELLTALE, math.ceil((most + (1 - most) / 2) * 1000) / 1000)), leaks


def _parity(trials: list[Trial], settings: Settings) -> float:
    """Ten times what the export differs by now, where float32 sums are of any size."""
    from sluice.check.parity import edge_rows
    from sluice.model import Model, difference, scale_of
    from sluice.train import export
    from sluice.train.fit import predict
    from sluice.train.settle import settle

    if settings.task != "regression":
        return _TOLERANCE
    signature = export.sign(settings, Decision())
    most = 0.0
    for trial in trials:
        settle(trial.pipeline)
        scale = scale_of(settings.task, predict(trial.pipeline, settings, trial.unseen))
        edges = edge_rows(trial.unseen, trial.pipeline, len(signature.numbers), settings.seed)
        with TemporaryDirectory() as folder:
            onnx = export.to_onnx(trial.pipeline, signature).SerializeToString()
            (Path(folder) / "model.onnx").write_bytes(onnx)
            (Path(folder) / "signature.json").write_bytes(msgspec.json.encode(signature))
            model = Model(Path(folder))
        for rows in (trial.unseen, edges):
            got = model.score(table.tensors(rows, settings, list(rows.columns))).values
            most = max(most, difference(predict(trial.pipeline, settings, rows), got, scale))
    return max(_TOLERANCE, float(f"{10 * most:.0e}"))


def _fairness(
    rows: DataFrame, outcome: Outcome, settings: Settings, held: int
) -> tuple[int, dict[str, Estimate], dict[str, Estimate]]:
    """How many rows a group needs; the largest difference of each kind, alone and intersected."""
    from sluice.check.fairness import measures
    from sluice.check.groups import groupings

    made = groupings(rows, settings)
    sizes = [(g.of == name).sum() * held / len(rows) for g in made for name in g.names]
    group_rows = max(10, min(50, int(min(sizes, default=0.0) * 0.7)))
    spread = np.abs(outcome.truth - np.median(outcome.truth)).mean()
    unit = float(spread) if settings.task == "regression" else 1.0
    keys = [f"{kind}_difference" for kind in FAIRNESS_MEASURES[settings.task]]
    nothing = Estimate(float("nan"), float("nan"), 0.1 * unit)
    alone, crossed = dict.fromkeys(keys, nothing), dict.fromkeys(keys, nothing)
    for grouping in made:
        large = [
            n for n in grouping.names if (grouping.of == n).sum() * held >= group_rows * len(rows)
        ]
        codes = np.array([large.index(n) if n in large else -1 for n in grouping.of])
        found = alone if len(grouping.columns) == 1 else crossed
        for measure in measures(outcome):
            counted = measure.counted & (codes >= 0)
            seen = _difference(codes, measure.values, counted, held=held, seed=settings.seed)
            key = f"{measure.kind}_difference"
            # A difference that cannot be measured leaves the bound to the others.
            if seen.bound > found[key].bound:
                found[key] = seen
    # Wider than this would gate nothing: better to hear that there are too few rows.
    most, crossed_most = (0.75, 1.25) if settings.task == "regression" else (0.5, 0.8)
    for key in keys:
        alone[key] = _capped(alone[key], most * unit)
        twice = max(2 * alone[key].bound, crossed[key].bound)
        crossed[key] = _capped(replace(crossed[key], bound=twice), crossed_most * unit)
    return group_rows, alone, crossed


def _capped(estimate: Estimate, most: float) -> Estimate:
    bound = min(estimate.bound, most)
    return replace(estimate, bound=_tidy(bound, bound, up=True))


def _difference(
    codes: NDArray[np.int64],
    values: Floats,
    counted: NDArray[np.bool_],
    *,
    held: int,
    seed: int,
) -> Estimate:
    """The spread of a mean between groups; small groups make it look larger than it is."""
    groups = int(codes.max(initial=-1)) + 1

    def spread(chosen: NDArray[np.intp]) -> dict[str, float]:
        taken = chosen[counted[chosen]]
        with np.errstate(invalid="ignore"):
            means = np.bincount(codes[taken], values[taken], groups) / np.bincount(
                codes[taken], minlength=groups
            )
        return {"spread": float(np.ptp(means)) if groups else float("nan")}

    value = spread(np.arange(len(codes)))["spread"]
    drawn = _drawn(spread, len(codes), held, seed)["spread"]
    known = drawn[np.isfinite(drawn)]
    if not len(known) or not math.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    seeming = max(0.0, float(known.mean()) - value)
    error = float(known.std())
    return Estimate(value, error, value + 2 * seeming + _ERRORS * error)


def _largest(trial: Trial, settings: Settings) -> tuple[str, float]:
    """The column that moves the score most when its values change places, and its share of that."""
    from sluice.train.fit import predict

    random = np.random.default_rng(settings.seed)
    rows = trial.unseen.iloc[:1000].reset_index(drop=True)
    usual = predict(trial.pipeline, settings, rows)
    moved = {}
    for name in rows.columns:
        mixed = rows.copy()
        mixed[name] = rows[name].to_numpy()[random.permutation(len(rows))]
        moved[name] = float(np.abs(predict(trial.pipeline, settings, mixed) - usual).mean())
    largest = max(moved, key=lambda name: moved[name])
    total = sum(moved.values())
    return largest, moved[largest] / total if total else 1.0
