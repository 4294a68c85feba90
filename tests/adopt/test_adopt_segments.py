"""`sluice adopt --segments` for a column of stores, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice.adopt.hyperparameters import candidates, server_memory
from sluice.adopt.profile import TableProfile
from sluice.adopt.profile.infer import infer
from sluice.adopt.segments import on_global
from sluice.adopt.source import Source
from sluice.errors import SluiceError
from sluice.project import Project

Adopt = Callable[..., list[str]]


def stores() -> pd.DataFrame:
    """Eight stores with 250 rows each and effects of their own, and one with three rows."""
    random = np.random.default_rng(8)
    at = np.append(np.repeat(np.arange(8), 250), [8] * 3)
    given = random.uniform(-2, 2, (len(at), 2)).round(3)
    pull = (given * random.normal(1, 1, (9, 2))[at]).sum(axis=1) + random.logistic(size=len(at))
    frame = pd.DataFrame(given, columns=["a", "b"])
    frame["store"] = [f"store {n}" for n in at]
    frame["ticket"] = [f"t{n:05}" for n in range(len(at))]
    frame["chain"] = "one"
    frame["clerk"] = [f"c{n % 20}" for n in range(len(at))]
    frame["y"] = np.where(pull > 0, "yes", "no")
    return frame


def test_the_column_gets_models_and_bounds_of_the_model_for_all_rows(
    project: Path, adopted: Adopt, tmp_path: Path
) -> None:
    stores().to_csv(tmp_path / "stores.csv", index=False)
    said = adopted(tmp_path / "stores.csv", "y", key="ticket", segments="store", group="none")
    settings = Project(project).settings
    assert settings.segment_column == "store"
    models = {candidate.model for candidate in settings.candidates.values()}
    assert models == {"linear", "native_boosting"}
    assert settings.columns["store"].levels is None
    assert settings.performance.bounds["roc_auc"].low
    assert settings.performance.segments_on_global == 0.5
    assert "8 of its 9 values have enough rows" in (project / "params.yaml").read_text()
    assert said


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("ticket", "the largest has 1; it seems to be an id"),
        ("chain", "column 'chain' has 1 value"),
        ("clerk", "0 of the 20 values of column 'clerk' have the 200 rows that a model needs"),
        ("nobody", "--segments: there is no column 'nobody'"),
        ("y", "'y' is already named by --target"),
    ],
)
def test_a_column_that_cannot_be_the_segments_is_refused_in_one_line(column: str, why: str) -> None:
    with pytest.raises(SluiceError) as refusal:
        infer(Source(stores()), "stores", target="y", id_column=None, sensitive=[], segments=column)
    assert why in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_several_classes_get_both_kinds_of_models_too() -> None:
    frame = stores().assign(y=[f"class {n % 3}" for n in range(len(stores()))])
    found = infer(
        Source(frame), "stores", target="y", id_column=None, sensitive=[], segments="store"
    )
    assert (found.task, found.segments) == ("multiclass", "store")
    assert {each["model"] for each in candidates(found).values()} == {"linear", "native_boosting"}


def with_segments(rows: tuple[int, ...]) -> TableProfile:
    found = infer(
        Source(stores()), "stores", target="y", id_column=None, sensitive=[], segments="store"
    )
    return replace(found, segment_rows=rows)


def test_the_server_may_use_the_memory_that_the_trees_need() -> None:
    assert server_memory(with_segments((125,))) == 576
    assert server_memory(with_segments((300,) * 1_000)) == 1_088


def test_segments_with_few_rows_may_be_served_by_the_model_for_all_rows() -> None:
    assert on_global(with_segments((125,) * 8 + (3,) * 2)) == 0.5
    assert on_global(with_segments((125,) * 2 + (3,) * 8)) == 1.0
    assert on_global(with_segments((125,) * 5 + (3,) * 5)) == 0.75


def test_more_trees_than_training_accepts_are_not_proposed() -> None:
    many = with_segments((300,) * 20_000)
    assert list(candidates(many)) == list(candidates(many.for_all_rows())) == ["logistic"]
    assert server_memory(many) == 512


def test_the_training_rows_of_segments_are_not_sampled() -> None:
    many = replace(with_segments((300,)), rows=10_000_000)
    assert many.train_rows is None
    assert many.for_all_rows().train_rows == 2_000_000
