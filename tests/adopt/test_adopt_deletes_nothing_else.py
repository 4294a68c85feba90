"""An adoption deletes only what git or the DVC remote can restore."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sluice.errors import SluiceError
from support.fixture_project import Toy

Adopt = Callable[..., list[str]]
Contents = Callable[[Path], dict[str, bytes]]

STORE = ".dvc/store/files/md5"
LEFT = "Note: the old data is still in the DVC remote."


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout


def dvc(root: Path, *arguments: str) -> None:
    Toy(root).dvc(*arguments).went_well()


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"a": random.normal(size=300), "b": random.normal(size=300)})
    frame["y"] = np.where(frame["a"] + random.normal(0, 0.5, 300) > 0, "yes", "no")
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


@pytest.fixture
def refused(
    project: Path, adopted: Adopt, table: Path, contents: Contents
) -> Callable[[str], None]:
    """Adopting must fail with this message and change nothing."""

    def call(message: str) -> None:
        before, cache = contents(project), files(project / ".dvc/cache")
        with pytest.raises(SluiceError, match=message):
            adopted(table, "y")
        assert contents(project) == before
        assert files(project / ".dvc/cache") == cache

    return call


def test_other_projects_in_a_shared_cache_keep_their_data(
    project: Path, adopted: Adopt, table: Path, tmp_path: Path
) -> None:
    shared, other = tmp_path / "shared", tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    dvc(other, "init", "-q")
    dvc(other, "cache", "dir", "--local", str(shared))
    (other / "measured.csv").write_text("years of work\n", "utf-8")
    dvc(other, "add", "-q", "measured.csv")
    dvc(project, "cache", "dir", "--local", str(shared))
    dvc(project, "fetch", "-q")
    before = files(shared)
    adopted(table, "y")
    assert before.items() <= files(shared).items()
    (other / "measured.csv").unlink()
    dvc(other, "checkout", "-q", "measured.csv.dvc")
    assert (other / "measured.csv").read_text("utf-8") == "years of work\n"


def test_the_cache_keeps_the_old_data(project: Path, adopted: Adopt, table: Path) -> None:
    before = files(project / ".dvc/cache")
    said = adopted(table, "y")
    assert len(before) == 2
    assert before.items() <= files(project / ".dvc/cache").items()
    assert not any(line.startswith(LEFT) for line in said)
    git(project, "checkout", "-f", ".")
    shutil.rmtree(project / ".dvc/cache")
    shutil.rmtree(project / "data")
    dvc(project, "pull", "-q", "data.dvc")
    assert (project / "data/example.csv").read_text("utf-8") == "a,b\n1,2\n"


def test_data_that_is_only_in_the_cache(project: Path, refused: Callable[[str], None]) -> None:
    (project / "data/example.csv").write_text("a,b\n1,2\n3,4\n", "utf-8")
    dvc(project, "add", "-q", "data")
    git(project, "commit", "-qam", "Rows of May")
    refused("data/example.csv is not in the DVC remote.*run 'dvc push data.dvc', and commit")


@pytest.mark.parametrize("suffix", ["*.dir", "*[!r]"])
def test_a_store_that_lacks_one_object(
    suffix: str, project: Path, refused: Callable[[str], None]
) -> None:
    (stored,) = (path for path in (project / STORE).rglob(suffix) if path.is_file())
    stored.unlink()
    git(project, "commit", "-qam", "The store is damaged")
    refused("is not in the DVC remote")


def test_another_remote_without_the_data(
    project: Path, refused: Callable[[str], None], tmp_path: Path
) -> None:
    dvc(project, "remote", "add", "-d", "elsewhere", str(tmp_path / "elsewhere"))
    refused("is not in the DVC remote")


def test_another_remote_keeps_its_data(
    project: Path, adopted: Adopt, table: Path, tmp_path: Path
) -> None:
    dvc(project, "remote", "add", "-d", "elsewhere", str(tmp_path / "elsewhere"))
    dvc(project, "push", "-q", "data.dvc")
    before = files(tmp_path / "elsewhere")
    said = adopted(table, "y")
    assert len(before) == 2
    assert before.items() <= files(tmp_path / "elsewhere").items()
    assert any(line.startswith(LEFT) for line in said)


@pytest.mark.parametrize("option", ["push: false", "cache: false"])
def test_data_that_dvc_does_not_push(
    option: str, project: Path, refused: Callable[[str], None]
) -> None:
    path = project / "data.dvc"
    text = path.read_text("utf-8")
    path.write_text(text.replace("  path: data", f"  {option}\n  path: data"), "utf-8")
    git(project, "commit", "-qam", option)
    refused("data.dvc does not track data/ as an output that DVC caches and pushes")


def test_a_file_in_data_that_dvcignore_hides(project: Path, refused: Callable[[str], None]) -> None:
    (project / ".dvcignore").write_text("*.tmp\n", "utf-8")
    (project / "data/mine.tmp").write_text("mine", "utf-8")
    refused("data/mine.tmp differs from what data.dvc names and would be deleted")


@pytest.mark.parametrize("reference", ["branch", "tag", "remote branch", "list of a branch"])
def test_objects_that_another_reference_names_stay(
    reference: str, project: Path, adopted: Adopt, table: Path
) -> None:
    before = files(project / STORE)
    if reference == "list of a branch":  # a folder with one more file
        git(project, "checkout", "-qb", "other")
        (project / "data/more.csv").write_text("a,b\n", "utf-8")
        dvc(project, "add", "-q", "data")
        dvc(project, "push", "-q", "data.dvc")
        git(project, "add", "-A")
        git(project, "commit", "-qm", "more")
        git(project, "checkout", "-q", "-")
        dvc(project, "checkout", "-q", "data.dvc")
        before = {name: text for name, text in before.items() if not name.endswith(".dir")}
    elif reference == "remote branch":
        git(project, "update-ref", "refs/remotes/origin/main", "HEAD")
    else:
        git(project, reference, "other")
    said = adopted(table, "y")
    assert before
    assert before.items() <= files(project / STORE).items()
    assert any(line.startswith(LEFT) for line in said)


def test_an_object_that_another_dvc_file_names_stays(
    project: Path, adopted: Adopt, table: Path
) -> None:
    shutil.copyfile(project / "data/example.csv", project / "copy.csv")
    dvc(project, "add", "-q", "copy.csv")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "copy")
    before = files(project / STORE)
    adopted(table, "y")
    left = before.items() & files(project / STORE).items()
    assert [text for _, text in left] == [b"a,b\n1,2\n"]


def test_an_object_that_is_not_committed_stays(project: Path, adopted: Adopt, table: Path) -> None:
    before = files(project / STORE)
    git(project, "rm", "-rq", "--cached", ".dvc/store")
    git(project, "commit", "-qm", "no store")
    said = adopted(table, "y")
    assert before.items() <= files(project / STORE).items()
    assert any(line.startswith(LEFT) for line in said)


@pytest.mark.parametrize("name", ["tests/usecase/.env", "src/usecase/.env", "docs/datasheet.md"])
def test_a_file_that_git_ignores(name: str, project: Path, refused: Callable[[str], None]) -> None:
    (project / ".git/info").mkdir(exist_ok=True)
    (project / ".git/info/exclude").write_text(".env\ndatasheet.md\n", "utf-8")
    if name == "docs/datasheet.md":
        git(project, "rm", "-q", "--cached", name)
        git(project, "commit", "-qm", "no datasheet")
    (project / name).write_text("TOKEN=of-mine\n", "utf-8")
    refused(f"{name} is not committed and would be replaced or deleted")


def test_untracked_files_that_the_settings_hide(
    project: Path, refused: Callable[[str], None]
) -> None:
    git(project, "config", "status.showUntrackedFiles", "no")
    git(project, "config", "color.ui", "always")
    for number in range(5):
        (project / f"tests/usecase/mine {number}.py").write_text("x = 1\n", "utf-8")
    refused(
        "tests/usecase/mine 0.py, tests/usecase/mine 1.py, tests/usecase/mine 2.py and 2 more are "
        "not committed"
    )


@pytest.mark.parametrize("flag", ["skip-worktree", "assume-unchanged"])
@pytest.mark.parametrize("name", ["params.yaml", "tests/usecase/test_example.py"])
def test_files_whose_changes_git_does_not_report(
    flag: str, name: str, project: Path, refused: Callable[[str], None]
) -> None:
    git(project, "update-index", f"--{flag}", name)
    (project / name).write_text("# mine\n", "utf-8")
    assert git(project, "status", "--porcelain") == ""
    refused(f"{name} is marked in git as skip-worktree or assume-unchanged")


def test_only_compiled_files_may_be_in_pycache(
    project: Path, adopted: Adopt, table: Path, refused: Callable[[str], None]
) -> None:
    folder = project / "tests/usecase/__pycache__"
    folder.mkdir()
    (folder / "test_example.cpython-311.pyc").write_bytes(b"compiled")
    (folder / "notes.txt").write_text("mine", "utf-8")
    refused("tests/usecase/__pycache__/notes.txt is not committed")
    (folder / "notes.txt").unlink()
    adopted(table, "y")
    assert (project / "data/table.csv").exists()


def test_what_an_adoption_wrote_can_be_adopted_again_until_somebody_changes_it(
    project: Path, adopted: Adopt, table: Path, refused: Callable[[str], None]
) -> None:
    frame = pd.read_csv(table).assign(customer=[f"c{k}" for k in range(300)])
    frame.to_csv(table, index=False)
    assert any("adopt again with --id" in line for line in adopted(table, "y"))
    said = adopted(table, "y", key="customer")
    assert not any("adopt again with --id" in line for line in said)
    for name in ("params.yaml", "docs/datasheet.md", "src/usecase/scenarios.py"):
        as_written = (project / name).read_bytes()
        (project / name).write_bytes(as_written + b"# mine\n")
        refused(f"{name} is not committed and would be replaced")
        (project / name).write_bytes(as_written)
    (project / "tests/usecase/test_mine.py").write_text("mine", "utf-8")
    refused("tests/usecase/test_mine.py is not committed")


def test_an_empty_data_folder_can_be_replaced(project: Path, adopted: Adopt, table: Path) -> None:
    (project / "data/example.csv").unlink()
    adopted(table, "y")
    assert (project / "data/table.csv").exists()
