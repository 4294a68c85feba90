"""The same commit gives the same package in any folder, and a second build does nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.package.isolated import Guard, serving_modules
from support.fixture_project import Toy


@pytest.mark.long
def test_a_clone_elsewhere_gives_the_same_bytes(
    built: Callable[[str], Toy], tmp_path: Path
) -> None:
    """The clone builds everything, with other threads and hash seeds, and data from the
    repository's store; unlike the stages of `built`, each stage has an interpreter of its own.
    """
    first = built("binary")
    clone = Toy(tmp_path / "somewhere" / "else")
    clone.root.mkdir(parents=True)
    clone.git("clone", "-q", str(first.root), ".")
    lock = clone.text("dvc.lock")
    environment = {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"}
    ran = clone.start("package", "build", **environment).went_well()
    assert "Warning" not in ran.said, "PySpark, which the tests install, warns about pandas"
    assert clone.text("dvc.lock") == lock
    assert clone.git("status", "--porcelain") == ""
    assert clone.package.name == first.package.name
    assert clone.package.read_bytes() == first.package.read_bytes()


def test_a_second_build_does_not_rewrite_the_package(toy: Toy, built: Callable[[str], Toy]) -> None:
    kept = shutil.copytree(built("binary").root / "dist", toy.root / "dist")
    (package,) = kept.iterdir()
    before = package.stat().st_ino
    ran = toy.sluice("package", "build").went_well()
    assert f"package: dist/{package.name}" in ran.out
    assert "Running stage" not in ran.out
    assert package.stat().st_ino == before
    assert toy.packages == [package]

    package.write_bytes(package.read_bytes()[:-10])
    toy.sluice("package", "build").went_well()
    assert package.read_bytes() == built("binary").package.read_bytes()


def test_the_model_card_says_that_bounds_were_derived_until_a_person_confirms_them(
    toy: Toy,
) -> None:
    card, said = "out/package/documentation/model-card.md", "derived from the data, and no person"
    assert said not in toy.text(card)
    with toy.params() as params:
        params["bounds"] = "derived"
    toy.sluice("package", "build").went_well()
    assert said in toy.text(card)


def test_the_manifest_records_uncommitted_changes(toy: Toy) -> None:
    toy.write("docs/notes.md", "not committed\n")
    toy.sluice("package", "build").went_well()
    content = toy.package.read_bytes()
    assert b'"clean": false' in content


def test_a_project_without_git_is_refused(toy: Toy) -> None:
    shutil.rmtree(toy.root / ".git")
    toy.write(".dvc/config", toy.text(".dvc/config").replace("[core]", "[core]\n    no_scm = true"))
    ran = toy.sluice("package", "build", GIT_CEILING_DIRECTORIES=str(toy.root.parent))
    assert ran.status == 2
    assert "not a git repository" in ran.line
    assert "Traceback" not in ran.said
    assert toy.packages == []


@pytest.mark.parametrize("name", ["pandas", "sklearn", "sklearn.linear_model", "dvc", "onnx"])
def test_scenarios_cannot_import_what_the_server_lacks(name: str) -> None:
    guard = Guard(serving_modules())
    with pytest.raises(ModuleNotFoundError, match="is not a serving dependency"):
        guard.find_spec(name, None)
    assert guard.find_spec("numpy", None) is None
    code = (
        "import sys; from sluice.package.isolated import Guard, serving_modules\n"
        "sys.meta_path.insert(0, Guard(serving_modules()))\n"
        f"import msgspec, numpy, onnxruntime, sluice.model\nimport {name}"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "is not a serving dependency" in done.stderr.splitlines()[-1]
