"""The use case is consistent: settings, scenarios and inputs use the same names."""

from collections import Counter
from pathlib import Path

import pytest

from sluice.model import encode
from sluice.project import Project
from sluice.scenario import Direction, Invariance, Known
from usecase.scenarios import SCENARIOS

PROJECT = Project(Path(__file__).parents[2])


@pytest.fixture
def scenarios():
    return SCENARIOS


def test_names_are_unique(scenarios):
    repeated = [name for name, n in Counter(s.name for s in scenarios).items() if n > 1]
    assert repeated == []


def test_known_rows_fit_the_inputs(scenarios):
    from sluice.model import Decision
    from sluice.train.export import sign

    signature = sign(PROJECT.settings, Decision())
    for scenario in scenarios:
        if isinstance(scenario, Known):
            assert len(encode(signature, [scenario.row])) == 1


def test_columns_are_inputs(scenarios):
    named = {s.column for s in scenarios if isinstance(s, Direction | Invariance)}
    assert named <= set(PROJECT.settings.features)


def test_sensitive_columns_are_not_inputs():
    assert not {"SEX", "AGE", "MARRIAGE", "ID"} & set(PROJECT.settings.features)


def test_each_status_column_has_a_direction(scenarios):
    directed = {s.column for s in scenarios if isinstance(s, Direction)}
    assert directed == {name for name in PROJECT.settings.columns if name.startswith("PAY_")} - {
        f"PAY_AMT{month}" for month in range(1, 7)
    }
