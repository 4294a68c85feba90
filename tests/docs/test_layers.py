"""`lint-imports` refuses imports from a lower to a higher layer, and folders without a layer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the machinery with the contracts of this repository."""
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/sluice", tmp_path / "sluice", ignore=ignored)
    return tmp_path


def _lint(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join(done.stdout.split())


def test_the_machinery_meets_the_import_contracts(copy: Path) -> None:
    status, said = _lint(copy)
    assert status == 0, said
    assert "2 kept, 0 broken" in said


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("verdict", "sluice.report.wording"),
        ("serve/target", "sluice.staging.page"),
        ("package/verify", "sluice.check.run"),
    ],
    ids=["a format imports the report", "the server imports staging", "between two of a layer"],
)
def test_an_import_that_does_not_go_down_is_refused(module: str, imported: str, copy: Path) -> None:
    file = copy / f"sluice/{module}.py"
    file.write_text(f"{file.read_text('utf-8')}\nimport {imported}\n", "utf-8")
    status, said = _lint(copy)
    assert status == 1
    name = module.replace("/", ".")
    assert f"sluice.{name} -> {imported} (l." in said


def test_a_new_folder_needs_a_layer(copy: Path) -> None:
    (copy / "sluice/orbit").mkdir()
    (copy / "sluice/orbit/__init__.py").write_text("", "utf-8")
    status, said = _lint(copy)
    assert status == 1
    assert "sluice.orbit" in said
