"""Data and projects that are incomplete or inconsistent."""

from __future__ import annotations

import shutil

from sluice.adopt import replace
from support.fixture_project import Toy


def test_a_store_whose_bytes_were_changed(toy: Toy) -> None:
    """DVC does not check what it downloads, unless its configuration says otherwise."""
    (stored,) = (
        path
        for path in (toy.root / ".dvc/store").rglob("*")
        if path.is_file() and path.suffix != ".dir"
    )
    text = stored.read_text("utf-8")
    stored.chmod(0o644)
    stored.write_text(text.replace("k00001,", "k00001,9", 1), "utf-8")
    for folder in ("data", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(toy.root / folder)
    ran = toy.sluice("package", "build")
    assert ran.status == 2
    assert "is damaged: its bytes do not match the md5 in its name" in ran.line
    assert toy.packages == []


def test_an_adoption_that_was_killed(toy: Toy) -> None:
    """The next adoption first restores the files that were put aside, and then reads the current
    ones.
    """
    aside = toy.root / ".adopt/old"
    for name in ("params.yaml", "data.dvc"):
        aside.mkdir(parents=True, exist_ok=True)
        shutil.move(toy.root / name, aside / name)
    shutil.move(toy.root / "data", aside / "data")
    toy.write("params.yaml", "half: written\n")
    replace.restore_interrupted(toy.root)
    assert toy.git("status", "--porcelain", "params.yaml", "data.dvc") == ""
    assert len(toy.data())
    replace.require_recoverable(toy.root)
