"""A table with one input: a comparison with that input alone could never be passed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice import cli, expected
from sluice.project import Project
from sluice.verdict import Finding, Verdict
from support.adoption import train_best

Adopt = Callable[..., list[str]]
GUESS = {"kind": "the majority class", "amount": "the mean"}


def table(target: str, *, told: bool) -> pd.DataFrame:
    """One column, which is either related or unrelated to the target."""
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"size": random.normal(size=600).round(4)})
    told_of = frame["size"] * told + random.normal(size=600)
    frame["kind"] = np.where(told_of > 0, "large", "small")
    frame["amount"] = told_of.round(4)
    return frame[["size", target]]


def judged(project: Path, gate: str) -> dict[str, Finding]:
    """The findings of a gate, as a package with this params.yaml must have them."""
    cli.main(["check", gate])
    verdict = Verdict.read((project / f"out/verdicts/{gate}.json").read_bytes(), gate)
    expected.require(verdict, Project(project).settings, gate)
    return {finding.name: finding for finding in verdict.findings}


@pytest.mark.parametrize("target", ["kind", "amount"])
@pytest.mark.heavy
def test_a_single_input_is_compared_only_with_guessing(
    project: Path, adopted: Adopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    table(target, told=True).to_csv(tmp_path / "one.csv", index=False)
    assert "Model inputs: 1 column." in adopted(tmp_path / "one.csv", target)
    train_best(project)
    monkeypatch.chdir(project)
    performance = judged(project, "performance")
    gains = [finding for name, finding in performance.items() if "gain over" in name]
    assert [finding.name for finding in gains] == [f"performance/gain over {GUESS[target]}"]
    assert gains[0].why.endswith("('size' is the only input, so no single column is compared)")
    assert all(finding.passes for finding in performance.values())
    explanation = judged(project, "explanation")
    assert list(explanation) == ["explanation/inputs"]


@pytest.mark.heavy
def test_a_single_uninformative_input_does_not_pass(
    project: Path, adopted: Adopt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table("kind", told=False).to_csv(tmp_path / "one.csv", index=False)
    adopted(tmp_path / "one.csv", "kind")
    train_best(project)
    monkeypatch.chdir(project)
    gain = judged(project, "performance")["performance/gain over the majority class"]
    assert not gain.passes
