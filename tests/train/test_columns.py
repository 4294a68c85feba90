"""Which levels of a category a model distinguishes, and that it treats all others as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from sluice.config import Settings, validate
from sluice.model import Decision, Model
from sluice.table import tensors
from sluice.train.columns import columns_of
from sluice.train.export import sign, to_onnx
from sluice.train.fit import fit
from sluice.train.models import MODELS
from sluice.train.scores import predict
from sluice.train.settle import settle
from support.fixture_project import params


def project(levels: list[Any] | None) -> Settings:
    raw = params("regression")
    raw["columns"]["colour"] = {"type": "category", "levels": levels}
    return validate(raw, "params.yaml")


def rows(colours: list[str]) -> pd.DataFrame:
    random, count = np.random.default_rng(0), len(colours)
    names = ("weight", "slope", "visits", "waste", "born")
    numbers = {name: random.normal(50, 20, count) for name in names}
    target = numbers["weight"] + np.array([sum(map(ord, c)) % 7 for c in colours]) * 20.0
    settings = params("regression")
    texts = {"colour": colours, "side": "left", "key": [f"k{n}" for n in range(count)]}
    return pd.DataFrame({**numbers, **texts, settings["data"]["target"]: target})


def levels(colours: list[str], declared: list[Any] | None = None) -> tuple[str, ...]:
    return columns_of(project(declared), rows(colours)).levels[0]


def test_a_column_of_few_values_keeps_them_all() -> None:
    colours = [f"c{n:02d}" for n in range(50)]
    assert levels(colours) == tuple(colours)
    assert levels(["", "red", ""]) == ("", "red")


def test_a_column_of_many_values_keeps_the_frequent_ones() -> None:
    rare = [f"rare {n}" for n in range(400)]
    frequent = [f"c{n:02d}" for n in range(30) for _ in range(10)]
    assert levels(rare + frequent) == tuple(sorted(set(frequent)))
    assert len(levels(rare)) == 1


def test_no_more_levels_than_boosted_trees_can_distinguish() -> None:
    many = [f"c{n:03d}" for n in range(300) for _ in range(10 + n // 100)]
    assert levels(many) == tuple(f"c{n:03d}" for n in [*range(54), *range(100, 300)])
    declared = [f"c{n:03d}" for n in range(300)]
    assert levels(many, declared) == levels(many)


def test_declared_levels_count_even_if_they_are_rare_or_absent() -> None:
    colours = ["red"] * 20 + [f"c{n}" for n in range(100)]
    assert levels(colours, ["red", "c7", "blue", 3]) == ("3", "blue", "c7", "red")


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("declared", [None, ["red", "green"], ["red", "blue", "never"]])
def test_values_that_are_not_levels_score_alike(
    model: str, declared: list[Any] | None, tmp_path: Path
) -> None:
    colours = ["red", "green", "blue", "grey"] * 75 + [f"c{n}" for n in range(100)]
    settings, train = project(declared), rows(colours)
    fitted = fit(MODELS[model], {}, train, settings)
    settle(fitted)
    signature = sign(settings, Decision())
    (tmp_path / "signature.json").write_bytes(msgspec.json.encode(signature))
    (tmp_path / "model.onnx").write_bytes(to_onnx(fitted, signature).SerializeToString())
    names = ["red", "green", "blue", "grey", "c1", "c2", "unheard of"]
    tried = pd.concat([train.iloc[[0]]] * len(names), ignore_index=True).assign(colour=names)
    got = Model(tmp_path).score(tensors(tried, settings, settings.features)).values
    assert got == pytest.approx(predict(fitted, settings, tried[settings.features]), rel=1e-6)
    known = {"red", "green", "blue", "grey"} if declared is None else set(declared)
    others = {value for name, value in zip(names, got, strict=True) if name not in known}
    assert len(others) == 1
    assert got[0] not in others
