"""git and the run say what a contribution changes; a failure of git is never "no changes"."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from sluice.contribution import from_git
from sluice.errors import SluiceError
from sluice.git import changed
from support.contribution import every_setting
from support.fixture_project import Toy


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-qm", "empty", "--allow-empty")
    (root / "params.yaml").write_text(json.dumps(every_setting()))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "settings")
    return root


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=toy", "-c", "user.email=toy@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def test_a_base_without_params_yaml(repository: Path) -> None:
    made = from_git.since(repository, "HEAD~1")
    assert {one.before for one in made.settings} == {"\u2013"}
    assert "params.yaml" in made.files


def test_a_path_that_is_not_utf8_is_shown_with_a_replacement(repository: Path) -> None:
    (repository / os.fsdecode(b"tests/\xff\n.py").replace("tests/", "")).write_text("")
    git(repository, "add", "-A")
    made = from_git.since(repository, "HEAD")
    assert made.files == ("\ufffd\n.py",)
    assert "\ufffd" in msgspec.json.encode(made).decode()


def test_a_failure_of_git_is_an_error(repository: Path) -> None:
    (repository / ".git/index").write_bytes(b"broken")
    with pytest.raises(SluiceError, match="'git diff' failed"):
        from_git.since(repository, "HEAD")
    with pytest.raises(SluiceError, match="'git status' failed"):
        changed(repository, "dvc.lock")


def test_a_params_yaml_that_git_cannot_read_is_an_error(repository: Path) -> None:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD:params.yaml"], cwd=repository, check=True, capture_output=True
    )
    blob = found.stdout.decode().strip()
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(SluiceError, match=r"'git [a-z-]+' failed"):
        from_git.since(repository, "HEAD")


def test_a_folder_without_a_repository_or_a_machine_without_git_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(SluiceError, match="'git status' failed"):
        changed(tmp_path, "dvc.lock")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SluiceError, match="git is not installed"):
        changed(tmp_path, "dvc.lock")


def test_a_run_compares_settings_as_the_pipeline_reads_them(toy: Toy) -> None:
    with toy.params() as settings:
        settings["quality"]["leakage"] = "0.95"
        settings["columns"]["weight"]["missing"] = 1.0
    (toy.root / os.fsdecode(b"\xff.py")).write_text("")
    toy.git("add", "-A")
    toy.sluice("run", "--against", "HEAD").went_well()
    made = toy.report()["contribution"]
    assert [(one["kind"], one["key"], one["after"]) for one in made["settings"]] == [
        ("looser", "columns.weight.missing", "1"),
        ("looser", "quality.leakage", "0.95"),
    ]
    assert "\ufffd.py" in made["files"]


def test_an_unknown_revision_is_an_error_in_the_report(toy: Toy) -> None:
    ran = toy.sluice("run", "--against", "nowhere")
    assert ran.status == 2
    report = toy.report()
    assert not report["releasable"]
    assert "--against nowhere: git has no such revision here" in report["trouble"]
    assert "no such revision" in toy.text("out/report/report.md")
