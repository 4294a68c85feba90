"""Git converts no line endings, so every checkout has the committed bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.fixture_project import Toy

CHECKOUT = Path(__file__).parents[2]
STORED = ".dvc/store/files/md5/5d/41402abc4b2a76b9719d911017c592"
_COPIED = (
    *(".ci/run", ".dvc/config", ".gitattributes", ".github/workflows/ci.yml", "Makefile"),
    *("data.dvc", "dvc.lock", "dvc.yaml", "params.yaml", "src/sluice/pipeline/integrity.py"),
)
_WRITTEN = {
    STORED: b"id,amount,paid\n1,2.5,yes\n2,3.5,no\n",
    f"{STORED}.crlf": b"id,amount,paid\r\n1,2.5,yes\r\n",
    "docs/mixed.md": b"one\r\ntwo\nthree\r\n",
    "model.onnx": b"\x00\x01\n\xff\r\n",
}


@pytest.fixture
def origin(tmp_path: Path) -> Toy:
    """A repository with uncommitted files of each kind."""
    toy = Toy(tmp_path / "origin")
    for name in _COPIED:
        (toy.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, toy.root / name)
    for name, content in _WRITTEN.items():
        (toy.root / name).parent.mkdir(parents=True, exist_ok=True)
        (toy.root / name).write_bytes(content)
    toy.git("init", "-q", "-b", "main")
    return toy


def _changed_by_a_checkout(origin: Toy) -> set[str]:
    """Commit and clone with core.autocrlf, and return the files whose bytes have changed."""
    origin.git("-c", "core.autocrlf=true", "add", "-A")
    origin.git("commit", "-qm", "files")
    clone = origin.root.parent / "clone"
    origin.git("clone", "-q", "-c", "core.autocrlf=true", str(origin.root), str(clone))
    names = (*_COPIED, *_WRITTEN)
    return {
        name
        for name in names
        if not (clone / name).is_file()
        or (clone / name).read_bytes() != (origin.root / name).read_bytes()
    }


def test_git_converts_no_line_endings(origin: Toy) -> None:
    assert _changed_by_a_checkout(origin) == set()


def test_git_converts_line_endings_without_gitattributes(origin: Toy) -> None:
    (origin.root / ".gitattributes").write_text("", "utf-8")
    assert {STORED, "data.dvc", "params.yaml", ".ci/run"} <= _changed_by_a_checkout(origin)


def test_git_diff_does_not_show_stored_data(origin: Toy) -> None:
    origin.git("add", "-A")
    origin.git("commit", "-qm", "files")
    (origin.root / STORED).write_bytes(b"id,amount,paid\n1,9.5,yes\n")
    assert origin.git("diff", "--numstat") == f"-\t-\t{STORED}"
