"""Bounds are derived again from adopted data, and a person's settings in params.yaml are kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice import cli
from sluice.adopt import adopt, adopt_again, replace
from sluice.adopt.edits import Edit, apply, edits
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.project import Project
from support.adoption import interrupt

Contents = Callable[[Path], dict[str, bytes]]


def table(rows: int) -> pd.DataFrame:
    """`answer` is a copy of the target, `hint` a strong but legitimate column."""
    random = np.random.default_rng(3)
    hint, other = random.normal(size=rows), random.normal(size=rows)
    positive = hint + 0.3 * other + random.normal(0, 0.8, rows) > 0
    return pd.DataFrame(
        {
            "hint": hint.round(4),
            "other": other.round(4),
            "answer": np.where(positive, 7, 3),
            "y": np.where(positive, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def once(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the table adopted and committed, to be copied."""
    folder = tmp_path_factory.mktemp("again")
    table(400).to_csv(folder / "table.csv", index=False)
    shutil.copytree(example, folder / "project", symlinks=True)
    adopt(
        folder / "project",
        folder / "table.csv",
        target="y",
        id=None,
        sensitive=[],
        say=lambda _: None,
    )
    commit(folder / "project")
    return folder / "project"


@pytest.fixture
def committed(once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(once, tmp_path / "project", symlinks=True))


def commit(root: Path) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (["add", "-A"], [*who, "commit", "-qm", "test", "--allow-empty"]):
        subprocess.run(["git", *command], cwd=root, capture_output=True, check=True)


def write(root: Path, *changes: Edit) -> None:
    path = root / "params.yaml"
    path.write_text(apply(path.read_text("utf-8"), list(changes)), "utf-8")
    commit(root)


def test_a_persons_settings_survive_repeated_derivation(committed: Path) -> None:
    before = Project(committed).settings
    assert before.features == ["hint", "other"]
    write(
        committed,
        Edit(("columns", "hint", "use"), "ignored"),
        Edit(("columns", "other", "high"), 99.5),
        Edit(("selection", "costs", "false_negative"), 4),
        Edit(("quality", "rows"), 123),
    )
    for _ in range(2):
        said: list[str] = []
        adopt_again(committed, say=said.append)
        (kept,) = (line for line in said if line.startswith("Kept what a person has set: "))
        for name in ("hint.use", "other.high", "costs.false_negative", "quality.rows"):
            assert name in kept
        assert any("'answer' was left out" in line for line in said)
        settings = Project(committed).settings
        assert settings.features == ["other"]
        assert settings.columns["other"].high == 99.5
        assert settings.selection.costs["false_negative"] == 4
        assert settings.quality.rows == 123
        # Without the strong column, the bound is different.
        assert lowest_auc(settings) < lowest_auc(before)
        commit(committed)
    project = Project(committed)
    assert project.source("quality", "rows") == "params.yaml: quality.rows"
    assert project.source("quality", "duplicates").endswith(", derived from the data")


def lowest_auc(settings: Settings) -> float:
    low = settings.performance.bounds["roc_auc"].low
    assert low is not None
    return low


def test_a_suspect_that_a_person_wants_is_used(committed: Path) -> None:
    write(committed, Edit(("columns", "answer", "use"), None, removed=True))
    said: list[str] = []
    adopt_again(committed, say=said.append)
    assert "answer" in Project(committed).settings.features
    assert not any("left out" in line for line in said)


def test_nothing_is_replaced_that_git_could_not_restore(
    committed: Path, contents: Contents
) -> None:
    path = committed / "params.yaml"
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    before = contents(committed)
    with pytest.raises(SluiceError, match=r"params\.yaml is not committed"):
        adopt_again(committed, say=print)
    assert contents(committed) == before


@pytest.mark.parametrize(
    "option", [["--group", "a"], ["--by-time", "a"], ["--derive-dates"], ["--target", "a"]]
)
def test_options_that_repeat_settings_of_params_yaml_are_refused(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["adopt", "--again", *option]) == 2
    assert "--again reads the file and the roles of its columns" in capsys.readouterr().err


def test_confirmed_bounds_are_not_derived_again(committed: Path) -> None:
    write(committed, Edit(("bounds",), "confirmed"))
    with pytest.raises(SluiceError, match="says 'bounds: confirmed'"):
        adopt_again(committed, say=print)


def test_without_a_record_of_the_adoption_nothing_is_changed(committed: Path) -> None:
    (committed / "adopted.yaml").write_text("{}\n", "utf-8")
    commit(committed)
    with pytest.raises(SluiceError, match=r"adopted\.yaml does not say what"):
        adopt_again(committed, say=print)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_an_interruption_leaves_the_old_settings(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / ".adopt" / "new"
    new.mkdir(parents=True)
    for folder, text in {tmp_path: "old", new: "new"}.items():
        for name in ("params.yaml", "adopted.yaml"):
            (folder / name).write_text(text)
    interrupt(monkeypatch, at)
    with pytest.raises(KeyboardInterrupt):
        replace.replace_settings(tmp_path, new)
    assert [(tmp_path / n).read_text() for n in ("params.yaml", "adopted.yaml")] == ["old", "old"]


YAML = """\
# first
a: {low: 1, high: 2}  # of a
b:
  - finding: x
    reason: y
c: {}
"""


def test_edits_are_found_and_applied_with_the_comments() -> None:
    written = {"a": {"low": 3}, "b": [], "c": {"new": {"deep": True}}}
    found = edits(parse_yaml(YAML.encode(), "here"), written)
    assert {edit.path for edit in found} == {
        ("a", "low"),
        ("a", "high"),
        ("b",),
        ("c", "new", "deep"),
    }
    text = apply(YAML, found)
    assert parse_yaml(text.encode(), "here") == written
    assert "# first" in text
    assert "# of a" in text
    assert edits(written, written) == []
    assert apply(YAML, []) == YAML
