"""The derived bounds of the fairness gate allow for the threshold that the build chooses."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from sluice import config
from sluice.adopt.bounds.fairness import FairnessBounds, fairness_bounds
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.bounds.trial import Trial
from sluice.adopt.params_yaml import params_yaml
from sluice.adopt.profile.infer import infer
from sluice.adopt.source import Source
from sluice.check.group_measures import means_of, measures
from sluice.config import INDEPENDENT, Settings
from sluice.decision import decided, tune
from sluice.files import parse_yaml
from sluice.metrics import Predictions
from sluice.stats.groups import largest_difference

ROWS, VALIDATION, HOLDOUT = 1_500, 600, 800


def population(seed: int, rows: int) -> pd.DataFrame:
    """Weak scores, so that the cheapest threshold may be anywhere between 0.2 and 0.8.

    The scores of group b are nearer to the middle: how much more often group a is selected depends
    on the threshold.
    """
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"group": random.choice(["a", "b"], rows)})
    wide = np.where(frame["group"] == "a", 0.3, 0.18)
    frame["score"] = (0.5 + wide * random.uniform(-1, 1, rows)).round(4)
    frame["y"] = np.where(random.random(rows) < 0.5 + 0.1 * (frame["score"] - 0.5), "yes", "no")
    return frame


def settings_of(frame: pd.DataFrame) -> Settings:
    profile = infer(
        Source(frame),
        "people",
        target="y",
        id_column=None,
        sensitive=["group"],
        group=INDEPENDENT,
    )
    text = params_yaml(profile, "data/people.csv", permissive_bounds(profile))
    return config.validate(parse_yaml(text.encode(), "params.yaml"), "params.yaml")


def truth_of(frame: pd.DataFrame, settings: Settings) -> np.ndarray:
    return frame["y"].map(settings.classes.index).to_numpy()


@pytest.fixture(scope="module")
def settings() -> Settings:
    return settings_of(population(0, ROWS))


def derived(
    seed: int,
    settings: Settings,
    *,
    rows: int = ROWS,
    validation: int = VALIDATION,
    holdout: int = HOLDOUT,
) -> FairnessBounds:
    frame = population(seed, rows)
    truth, scores = truth_of(frame, settings), frame["score"].to_numpy()
    outcome = decided(settings, truth, scores, tune(settings, truth, scores))
    fold = np.arange(rows) % 3
    trial = Trial(outcome, frame, fold, None, cast(Pipeline, None), frame)
    return fairness_bounds([trial], settings, validation=validation, holdout=holdout, frame=frame)


def upper_ends(outcome: Predictions, frame: pd.DataFrame, settings: Settings) -> dict[str, float]:
    """What must be within the bounds: the upper ends of the gate's intervals."""
    codes = (frame["group"] == "b").to_numpy().astype(np.intp)
    return {
        f"{measure.kind}_difference": largest_difference(
            means_of(measure, codes, 2, None), (1 - settings.fairness.confidence) / 2
        ).high
        for measure in measures(outcome)
    }


def test_a_build_passes_its_own_bounds_for_any_threshold(settings: Settings) -> None:
    found = []
    for seed in range(1, 9):
        bounds = derived(seed, settings).single
        validation, holdout = population(100 + seed, VALIDATION), population(200 + seed, HOLDOUT)
        rule = tune(settings, truth_of(validation, settings), validation["score"].to_numpy())
        truth, scores = truth_of(holdout, settings), holdout["score"].to_numpy()
        ends = upper_ends(decided(settings, truth, scores, rule), holdout, settings)
        found.append((ends, {key: bounds[key].bound for key in ends}))
    largest = [max(ends.values()) for ends, _ in found]
    assert max(largest) - min(largest) > 0.1, "the threshold decides how much the groups differ"
    assert all(ends[key] <= bounds[key] for ends, bounds in found for key in ends)
    assert np.median([bounds["selection_rate_difference"] for _, bounds in found]) < 0.5


def test_too_few_rows_for_the_largest_possible_bound_are_announced(
    settings: Settings,
) -> None:
    limited = derived(3, settings, rows=120, validation=50, holdout=40).limited
    assert "fairness.bounds.false_negative_rate_difference" in limited
    assert derived(1, settings).limited == ()


def test_a_difference_that_no_threshold_explains_is_outside(settings: Settings) -> None:
    """In the derived bounds, a difference of 0.6 between the groups does not count as chance."""
    bounds = derived(3, settings).single
    frame = population(400, HOLDOUT)
    truth = truth_of(frame, settings)
    flagged = np.where(
        frame["group"] == "a", np.arange(HOLDOUT) % 5 == 0, np.arange(HOLDOUT) % 5 > 0
    )
    outcome = Predictions(
        settings.task, truth, flagged * 1.0, flagged * 1, settings.selection.costs, ("no", "yes")
    )
    ends = upper_ends(outcome, frame, settings)
    assert all(ends[key] > bounds[key].bound for key in ends)
