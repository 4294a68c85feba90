"""The section `rollout` of params.yaml, and the weights that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.config import Rollout, validate
from sluice.errors import SluiceError
from sluice.rollout.weights import ALL_STABLE, Weights
from support.contribution import every_setting


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"steps": [1, 60]}, "60 is not a valid step"),
        ({"steps": [0, 5]}, "0 is not a valid step"),
        ({"steps": [-1]}, "-1 is not a valid step"),
        ({"steps": [1, 101]}, "101 is not a valid step"),
        ({"steps": [10, 5]}, "5 comes after 10, but every step must be larger"),
        ({"steps": [5, 5]}, "5 comes after 5"),
        ({"steps": []}, "rollout.steps"),
        ({"steps": [2.5]}, "rollout.steps"),
        ({"interval": 0}, "rollout.interval"),
        ({"promotion": "never"}, "rollout.promotion"),
        ({"promotion": True}, "rollout.promotion"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(section: dict[str, Any], said: str) -> None:
    with pytest.raises(SluiceError, match=r"rollout") as refused:
        validate({**every_setting(), "rollout": section}, "params.yaml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_defaults_are_valid_and_wait_for_a_person() -> None:
    settings = Rollout()
    assert settings.promotion == "approval"
    assert [Weights.at(step).canary for step in settings.steps] == [1, 5, 10, 25, 50]
    assert Weights.at(50) == Weights(0, 50, 50)
    assert Weights(100, 0, 0) == ALL_STABLE


@pytest.mark.parametrize(
    "weights", [(101, 0, 0), (100, 0, -0.5), (120, -10, -10), (90, 4, 6), (50, 0, 50), (0, 100, 0)]
)
def test_impossible_weights_are_refused(weights: tuple[int, int, int]) -> None:
    with pytest.raises(SluiceError, match="weights"):
        Weights(*weights)


def test_at_the_end_of_a_switch_the_canary_has_all_requests() -> None:
    assert Weights(0, 0, 100).canary == 100
