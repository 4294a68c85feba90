"""A fork of this template with other data: the checkout without its example and its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support.fixture_project import Toy

CHECKOUT = Path(__file__).parents[3]
_BROUGHT = (
    *("data", "data.dvc", "dvc.lock", "params.yaml", "adopted.yaml", "judged.jsonl"),
    *("src/usecase", "docs/datasheet.md"),
)
# Files that an earlier run has left, with which a run in the fork finds every stage unchanged.
_MADE = (".dvc/store", ".dvc/cache", "out")
_TESTS = '''"""A test of the fork's own."""

from pathlib import Path


def test_the_settings_are_there():
    assert Path("params.yaml").is_file()
'''


def fork(root: Path, green: Toy) -> None:
    """Committed on main, with the data, the settings and the lock of a green project."""
    for name in _files():
        _copy(CHECKOUT / name, root / name)
    for name in (*_BROUGHT, *_MADE):
        _copy(green.root / name, root / name)
    toy = Toy(root)
    toy.write("tests/usecase/test_fork.py", _TESTS)
    toy.write("tests/docs/test_texts_of_fork.py", _TESTS)
    toy.git("init", "-q", "-b", "main")
    toy.commit()
    # Each job fetches the fork. Packed once and for all, its files are not compressed each time.
    toy.git("repack", "-adq")
    toy.git("config", "pack.window", "0")
    toy.sluice("run", "--locked", PYTHONPATH=str(root / "src")).went_well()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def _files() -> list[str]:
    """The files of a fork: everything that git tracks or would add, without example and tests."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )
    return [
        name
        for name in done.stdout.split("\0")
        if name and (CHECKOUT / name).is_file() and not name.startswith((*_BROUGHT, "tests/"))
    ]
