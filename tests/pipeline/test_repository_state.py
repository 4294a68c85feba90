"""Commands in a repository of another user, or with an unfinished merge, say so in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import files
from sluice.confined.run import run as run_confined
from sluice.errors import SluiceError
from sluice.pipeline import integrity
from sluice.project import Project
from support.fixture_project import Ran, Toy, bare

CONFLICT = "<<<<<<< HEAD\nkey: 1\n=======\nkey: 2\n>>>>>>> rows-of-may\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return bare(tmp_path_factory.mktemp("state") / "bare", "binary")


@pytest.fixture
def project(shared: Toy, tmp_path: Path) -> Toy:
    return shared.copy(tmp_path / "project")


def _refused(ran: Ran, line: str) -> None:
    assert ran.status == 2, ran.said
    assert ran.err == f"sluice: {line}\n"


@pytest.mark.parametrize(
    ("command", "start"),
    [
        (["adopt", "FILE", "--target", "late"], "an adoption could not be undone with git: "),
        (["package", "build"], "'git ls-files' failed: "),
        (["run", "--against", "HEAD"], "'git rev-parse' failed: "),
        (["champion", "fetch"], "the repository on GitHub is not known: "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_repository_of_another_user(command: list[str], start: str, shared: Toy) -> None:
    file = str(shared.root / "data/toy.csv")
    words = [file if word == "FILE" else word for word in command]
    # This variable makes git believe that the repository belongs to someone else.
    ran = shared.sluice(*words, GIT_TEST_ASSUME_DIFFERENT_OWNER="1", GITHUB_REPOSITORY="")
    assert ran.line.startswith(start)
    assert ran.line.split("; ")[1] == (
        f"if you trust it, run 'git config --global --add safe.directory {shared.root}'"
    )
    assert f"detected dubious ownership in repository at '{shared.root}'" in ran.line
    _refused(ran, ran.line)


def test_a_build_with_a_merge_conflict_in_the_lock(project: Toy) -> None:
    project.write("dvc.lock", "schema: '2.0'\n" + CONFLICT)
    ran = project.sluice("package", "build", "--locked")
    _refused(
        ran,
        "dvc.lock, line 2: unresolved merge conflict ('<<<<<<< HEAD'): delete the file and run "
        "'make package', which regenerates it; then commit it",
    )
    assert project.report()["reason"] == ran.line


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("data.dvc", "keep one side, delete the markers, run 'dvc checkout data.dvc'"),
        ("dvc.yaml", "keep one side of each conflict, delete the markers and commit the file"),
        (".dvc/config", "keep one side of each conflict, delete the markers and commit the file"),
    ],
)
def test_a_file_with_a_merge_conflict_is_named_with_the_line(
    name: str, cure: str, tmp_path: Path
) -> None:
    project = Toy(tmp_path)
    for each in ("data.dvc", "dvc.yaml", ".dvc/config"):
        project.write(each, "# not read\n")
    project.write(name, "one: 1\ntwo: 2\n" + CONFLICT)
    with pytest.raises(SluiceError) as caught:
        integrity.require_intact(Project(project.root))
    said = f"{name}, line 3: unresolved merge conflict ('<<<<<<< HEAD'): {cure}"
    assert str(caught.value).startswith(said)


def test_a_merge_that_git_itself_could_not_finish(project: Toy) -> None:
    start = project.text("params.yaml")
    project.git("checkout", "-q", "-b", "other")
    project.write("params.yaml", start.replace('"seed": 11', '"seed": 12'))
    project.git("commit", "-qam", "12")
    project.git("checkout", "-q", "main")
    project.write("params.yaml", start.replace('"seed": 11', '"seed": 13'))
    project.git("commit", "-qam", "13")
    assert project.run("git", "merge", "other").status == 1
    ran = project.sluice("run")
    assert ran.line.startswith("params.yaml, line 4: unresolved merge conflict ('<<<<<<< HEAD'): ")


@pytest.mark.parametrize("module", ["scenarios", "expectations", "candidates"])
def test_a_module_of_the_use_case_with_a_merge_conflict(module: str, tmp_path: Path) -> None:
    name = f"src/usecase/{module}.py"
    Toy(tmp_path).write(name, f"{module.upper()} = []\n" + CONFLICT.replace("\n", "\r\n"))
    conflict = pytest.raises(SluiceError, match=rf"^{name}, line 2: unresolved merge conflict")
    with conflict, run_confined(tmp_path, "scenarios"):
        pass


@given(st.text(st.sampled_from("<>|= \n#x:"), max_size=40))
def test_a_file_without_markers_has_no_conflict(text: str) -> None:
    """Markers stand at the start of a line, and are exactly seven characters long."""
    marked = any(
        line in (mark, f"{mark}\r") or line.startswith(f"{mark} ")
        for line in text.split("\n")
        for mark in ("<" * 7, "|" * 7, ">" * 7)
    )
    try:
        files.require_merged(text.encode(), "params.yaml")
    except SluiceError:
        assert marked
    else:
        assert not marked
