"""How often a build fails the performance and fairness bounds derived from its own data.

Small tables of many kinds are drawn. For each one the bounds are derived as `sluice adopt` does,
and one model is selected and judged as the build does. Usage: derived_bounds.py [tables]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from sluice import config, table
from sluice.adopt.bounds import Estimate
from sluice.adopt.bounds.fairness import FairnessBounds, fairness_bounds
from sluice.adopt.bounds.folds import together
from sluice.adopt.bounds.performance import performance_bounds
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.bounds.trial import best, close_to_best, cross_validate
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.adopt.source import Source
from sluice.check.group_measures import compare, measures
from sluice.check.groups import groupings
from sluice.config import INDEPENDENT, Settings
from sluice.decision import decided, tune
from sluice.files import parse_yaml
from sluice.metrics import METRICS, Predictions
from sluice.stats.bootstrap import Clusters, intervals
from sluice.train.fit import fit
from sluice.train.models import MODELS
from sluice.train.scores import predict
from sluice.train.search import choose
from sluice.train.split import assign
from sluice.verdict import Bound, Finding, Verdict, judge

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
    # Two groups of people, which differ in half of the tables.
    female = random.random(rows) < random.uniform(0.2, 0.5)
    frame["sex"] = np.where(female, "f", "m")
    noise = noise + random.choice([0.0, 0.8]) * female
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
    profile = infer(Source(frame), "drawn", target="y", id_column=None, sensitive=["sex"], **named)
    text = params_yaml(profile, "data/drawn.csv", permissive_bounds(profile))
    return config.validate(parse_yaml(text.encode(), "params.yaml"), "params.yaml")


def build(
    frame: pd.DataFrame, part: np.ndarray, settings: Settings
) -> tuple[Predictions, Clusters | None]:
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
    """The worst of 'fail', 'insufficient' and 'pass' on the derived bounds, with the reason."""
    frame, options = drawn(seed)
    settings = settings_of(frame, options)
    typed = table.typed(frame, settings.columns)
    part = assign(typed, settings.split, settings.data.id)
    rows = typed[np.isin(part, ["train", "validation"])].reset_index(drop=True)
    trials = {name: cross_validate(name, rows, settings) for name in settings.candidates}
    metric = settings.selection.metric
    validation, holdout = int((part == "validation").sum()), int((part == "holdout").sum())
    close = close_to_best(trials, best(trials, metric), metric, settings.seed, validation)
    performance = performance_bounds(close, settings, holdout)
    fairness = fairness_bounds(close, settings, validation=validation, holdout=holdout, frame=typed)
    outcome, clusters = build(typed, part, settings)
    findings = [
        *of_performance(outcome, clusters, performance),
        *of_fairness(typed[part == "holdout"], outcome, clusters, settings, fairness),
    ]
    worst = Verdict.of("derived", findings)
    return worst.status.value + ("" if worst.passes else f": {len(frame)} rows: {worst.why}")


def of_performance(
    outcome: Predictions, clusters: Clusters | None, bounds: dict[str, Estimate]
) -> list[Finding]:
    spans = intervals(
        lambda chosen: {n: METRICS[n].compute(outcome.rows(chosen)) for n in bounds},
        len(outcome.truth),
        clusters=clusters,
        resamples=200,
        confidence=0.95,
        seed=1,
        doing="judge",
    )
    return [
        judge(
            name,
            METRICS[name].compute(outcome),
            Bound("derived", **{"low" if METRICS[name].higher_is_better else "high": each.bound}),
            interval=spans[name],
        )
        for name, each in bounds.items()
    ]


def of_fairness(
    holdout: pd.DataFrame,
    outcome: Predictions,
    clusters: Clusters | None,
    settings: Settings,
    bounds: FairnessBounds,
) -> list[Finding]:
    (grouping,) = groupings(holdout, settings)
    tail = (1 - settings.fairness.confidence) / 2
    findings = []
    for measure in measures(outcome):
        found = compare(grouping, list(grouping.names), measure, clusters, tail)
        between = found.between["difference"]
        key = f"{measure.kind}_difference"
        bound = Bound("derived", high=bounds.single[key].bound)
        findings.append(judge(key, between.estimate, bound, interval=(between.low, between.high)))
    return findings


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
