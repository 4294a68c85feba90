"""A small project, so that these tests do not depend on the data of the repository."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sluice.adopt import adopt
from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.bounds.derive import derive
from sluice.config import Settings
from sluice.pipeline import dvc
from support import preloaded

FILES = {
    ".dvc/config": """[core]
    analytics = false
    remote = embedded
['remote "embedded"']
    url = store
""",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    ".gitignore": "/data/\n/out/\n__pycache__/\n",
    "data/example.csv": "a,b\n1,2\n",
    "docs/datasheet.md": "# Datasheet: the example\n",
    "dvc.lock": "schema: '2.0'\n",
    "params.yaml": "name: example\n",
    "src/usecase/__init__.py": "",
    "src/usecase/candidates.py": """from sluice.train.models import MODELS

CANDIDATES = dict(MODELS)
TRUSTED = ()
""",
    "src/usecase/expectations.py": "EXPECTATIONS = ['of the example']\n",
    "src/usecase/scenarios.py": "SCENARIOS = ['of the example']\n",
    "tests/usecase/test_example.py": "def test_example() -> None: ...\n",
}


def run(root: Path, *command: str) -> None:
    subprocess.run(command, cwd=root, capture_output=True, check=True)


def ask_dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC as `sluice.pipeline.dvc.ask` does, without the time that its imports take."""
    done = preloaded.run("dvc", *arguments, cwd=root, environment=os.environ, timeout=300)
    return subprocess.CompletedProcess(["dvc", *arguments], *done)


_DERIVED: dict[tuple[bytes, str], DerivedBounds] = {}


def derive_once(frame: pd.DataFrame, settings: Settings) -> DerivedBounds:
    """Derive bounds by cross-validation once for each table, because many tests adopt the same."""
    key = (pickle.dumps(frame), settings.model_dump_json())
    if key not in _DERIVED:
        _DERIVED[key] = derive(frame, settings)
    return _DERIVED[key]


@pytest.fixture(scope="module", autouse=True)
def quick_adoptions() -> Iterator[None]:
    """In these tests an adoption asks DVC in a fork, and repeats no cross-validation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dvc, "ask", ask_dvc)
        patch.setattr("sluice.adopt.run.derive", derive_once)
        yield


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    run(root, "git", "init", "-q", ".")
    ask_dvc(root, "add", "-q", "data").check_returncode()
    ask_dvc(root, "push", "-q").check_returncode()
    run(root, "git", "add", "-A")
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    run(root, "git", *who, "commit", "-qm", "all")
    return root


@pytest.fixture
def project(example: Path, tmp_path: Path) -> Path:
    """A committed project with data under DVC."""
    root = tmp_path / "project"
    shutil.copytree(example, root, symlinks=True)
    return root


Adopt = Callable[..., list[str]]


@pytest.fixture
def adopted(project: Path) -> Adopt:
    """Adopt a file into the project; return the lines of the summary."""

    def call(
        file: Path,
        target: str,
        *,
        key: str | None = None,
        sensitive: tuple[str, ...] = (),
        **options: Any,
    ) -> list[str]:
        said: list[str] = []
        adopt(
            project,
            file,
            target=target,
            id=key,
            sensitive=list(sensitive),
            say=said.append,
            **options,
        )
        return said

    return call


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return every file of a project except those of git, and DVC's cache and temporary files."""

    def call(root: Path) -> dict[str, bytes]:
        apart = (".git/", ".dvc/tmp/", ".dvc/cache/")
        found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
        return {n: path.read_bytes() for n, path in found.items() if not n.startswith(apart)}

    return call
