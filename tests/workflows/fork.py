"""A fork of this template with other data: all of the checkout but its example and its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fixture_project import Toy, params, table

CHECKOUT = Path(__file__).parents[2]
_EXAMPLE = ("data.dvc", "dvc.lock", "params.yaml", "docs/datasheet.md")
_OWN = "tests/fixture_project"
_TESTS = '''"""A test of the fork's own."""

from pathlib import Path


def test_the_settings_are_there():
    assert Path("params.yaml").is_file()
'''


def fork(root: Path, task: str = "binary") -> Toy:
    """Committed on main, with the lock of a green run."""
    for name in _files():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, target)
        shutil.copymode(CHECKOUT / name, target)
    for name in ("src/usecase", "docs"):
        shutil.copytree(CHECKOUT / _OWN / name, root / name, dirs_exist_ok=True)
    toy = Toy(root)
    toy.write("tests/usecase/test_fork.py", _TESTS)
    toy.write_params(params(task))
    toy.write_data(table(task))
    toy.git("init", "-q", "-b", "main")
    toy.dvc("add", "-q", "data").went_well()
    toy.dvc("push", "-q").went_well()
    toy.commit()
    toy.sluice("run", PYTHONPATH=str(root / "src")).went_well()
    toy.commit()
    return toy


def _files() -> list[str]:
    """What a fork has: everything that git knows or would take in, without data and tests."""
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
        if name
        and (CHECKOUT / name).is_file()
        and name not in _EXAMPLE
        and not name.startswith(("tests/", ".dvc/store/", "src/usecase/"))
    ]
