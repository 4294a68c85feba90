"""Make the fixture project from this checkout's machinery, and build its package."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.fixture_project.data import table
from support.fixture_project.params import params
from support.fixture_project.toy import Toy

CHECKOUT = Path(__file__).parents[3]
OWN = Path(__file__).parent

_MACHINERY = (
    "src/sluice",
    "dvc.yaml",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    "pyproject.toml",
    "requirements",
)


def bare(root: Path, task: str) -> Toy:
    """A committed project with its data under DVC; nothing has run yet."""
    for name in _MACHINERY:
        _copy(CHECKOUT / name, root / name)
    for name in ("src/usecase", "docs"):
        _copy(OWN / name, root / name)
    toy = Toy(root)
    toy.write_params(params(task))
    toy.write("adopted.yaml", "{}\n")
    toy.write_data(table(task))
    toy.git("init", "-q", "-b", "main")
    toy.dvc("add", "-q", "data").went_well()
    toy.dvc("push", "-q").went_well()
    toy.commit()
    return toy


def green(root: Path, task: str) -> Toy:
    """The project with all gates passed, dvc.lock committed and the package built."""
    toy = bare(root, task)
    toy.sluice("run").went_well()
    toy.commit()
    toy.sluice("package", "build").went_well()
    return toy


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
