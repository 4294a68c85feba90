"""How often a build fails the performance bounds that were derived from its own data.

Small tables of many kinds are drawn. For each one the bounds are derived as `sluice adopt` does,
and one model is selected and judged as the build does. Usage: derived_bounds.py [tables]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from sluice import config, table
from sluice.adopt.bounds.folds import together
from sluice.adopt.bounds.performance import performance_bounds
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.bounds.trial import best, close_to_best, cross_validate
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.adopt.source import Source
from sluice.config import INDEPENDENT, Settings
from sluice.decision import decided, tune
from sluice.files import parse_yaml
from sluice.metrics import METRICS, Predictions
from sluice.stats.bootstrap import intervals
from sluice.train.fit import fit
from sluice.train.models import MODELS
from sluice.train.scores import predict
from sluice.train.search import choose
from sluice.train.split import assign

_DEFAULT_TABLES = 200


def drawn(seed: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """A table and the options of its split; the seed decides its kind."""
    random = np.random.default_rng(seed)
    rows = int(np.exp(random.uniform(np.log(200), np.log(2_500))))
    inputs = random.normal(size=(rows, 5))
    effect = inputs[:, 0] + inputs[:, 1] * inputs[:, 2] + 0.5 * np.abs(inputs[:, 3])
    kind = ["gauss", "heavy", "class", "rare", "repeats", "groups", "time", "kinds"][seed % 8]
    noise = random.normal(size=rows)
    frame = pd.DataFrame(inputs.round(3), columns=list("abcde"))
    options = {}
    if kind == "groups":
        groups = random.integers(0, max(70, rows // 6), rows)
        noise = noise + random.normal(size=groups.max() + 1)[groups]
        frame["who"], options["group"] = [f"w{n}" for n in groups], "who"
    if kind == "time":
        frame["day"], options["by_time"] = np.arange(rows) * 1.5, "day"
        effect = effect * np.linspace(0.8, 1.2, rows)
    score = effect + noise * random.uniform(0.3, 2)
    if kind in ("class", "rare"):
        frame["y"] = np.where(score > np.quantile(score, 0.9 if kind == "rare" else 0.5), "b", "a")
    elif kind == "kinds":
        frame["y"] = np.array(["low", "mid", "top"])[np.digitize(score, [-0.5, 1])]
    else:
        frame["y"] = (np.exp(score / 1.5) if kind == "heavy" else score).round(4)
    if kind == "repeats":
        frame = frame.sample(rows, replace=True, random_state=seed).reset_index(drop=True)
    return frame, options


def settings_of(frame: pd.DataFrame, options: dict[str, str]) -> Settings:
    named = {"group": INDEPENDENT, **options}
    profile = infer(Source(frame), "drawn", target="y", id_column=None, sensitive=[], **named)
    text = params_yaml(profile, "data/drawn.csv", permissive_bounds(profile))
    return config.validate(parse_yaml(text.encode(), "params.yaml"), "params.yaml")


def build(frame: pd.DataFrame, part: np.ndarray, settings: Settings) -> tuple[Predictions, object]:
    """What the model that the build selects predicts for the holdout."""
    train, validation, holdout = (frame[part == n] for n in ("train", "validation", "holdout"))
    metric = METRICS[settings.selection.metric]
    tried = []
    for candidate in settings.candidates.values():
        builder = MODELS[candidate.model]
        parameters = choose(builder, candidate, train, settings)
        pipeline = fit(builder, parameters, train, settings)
        truth = table.truth(validation, settings)
        scores = predict(pipeline, settings, validation[settings.features])
        decision = tune(settings, truth, scores)
        value = metric.compute(decided(settings, truth, scores, decision))
        tried.append((metric.gain(value, 0.0), pipeline, decision))
    _, pipeline, decision = max(tried, key=lambda each: each[0])
    scores = predict(pipeline, settings, holdout[settings.features])
    outcome = decided(settings, table.truth(holdout, settings), scores, decision)
    grouped = settings.split.group_column is not None
    return outcome, together(holdout, settings) if grouped else None


def judged(seed: int) -> str:
    """The worst of 'fail', 'insufficient' and 'pass' on the derived bounds, with the metric."""
    frame, options = drawn(seed)
    settings = settings_of(frame, options)
    typed = table.typed(frame, settings.columns)
    part = assign(typed, settings.split, settings.data.id)
    rows = typed[np.isin(part, ["train", "validation"])].reset_index(drop=True)
    trials = {name: cross_validate(name, rows, settings) for name in settings.candidates}
    metric = settings.selection.metric
    top = best(trials, metric)
    close = close_to_best(trials, top, metric, settings.seed, int((part == "validation").sum()))
    bounds = performance_bounds(close, settings, int((part == "holdout").sum()))
    outcome, clusters = build(typed, part, settings)
    spans = intervals(
        lambda chosen: {n: METRICS[n].compute(outcome.rows(chosen)) for n in bounds},
        len(outcome.truth),
        clusters=clusters,
        resamples=200,
        confidence=0.95,
        seed=1,
        doing="judge",
    )
    worst = "pass"
    for name, estimate in bounds.items():
        value = METRICS[name].compute(outcome)
        if max(METRICS[name].gain(end, estimate.bound) for end in spans[name]) < 0:
            return f"fail: {name} {value:.4g}, bound {estimate.bound:.4g}, {len(frame)} rows"
        if min(METRICS[name].gain(end, estimate.bound) for end in spans[name]) < 0:
            worst = f"insufficient: {name} {value:.4g}, bound {estimate.bound:.4g}"
    return worst


def main() -> None:
    tables = int(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT_TABLES
    results = {seed: judged(seed) for seed in range(tables)}
    for seed, said in results.items():
        if said != "pass":
            print(f"table {seed}: {said}")
    for status in ("pass", "insufficient", "fail"):
        print(f"{status}: {sum(said.startswith(status) for said in results.values())} of {tables}")


if __name__ == "__main__":
    main()
