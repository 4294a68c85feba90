"""Unconfined code: when it is refused, and that its package cannot be released."""

from __future__ import annotations

import json
import shutil

import pytest

from sluice.confined import kernel
from sluice.confined.run import UNCONFINED
from sluice.package.parts import CONFINEMENT
from sluice.project import Project
from sluice.train import candidate
from support.command_line import InProcess
from support.fixture_project import Toy
from support.package_parts import Package

TASKS = ("data-quality", "scenarios", "training and export")


@pytest.mark.parametrize(
    "command",
    [("run",), ("run", "--locked"), ("package", "build"), ("package", "build", "--locked")],
)
def test_where_the_kernel_cannot_confine_no_run_starts(
    toy: Toy, in_process: InProcess, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(kernel, "version", lambda: 0)
    ran = in_process(toy, *command)
    assert ran.status == 2
    assert "src/usecase cannot be confined here: this kernel has no Landlock" in ran.line
    assert toy.packages == []
    assert "this kernel has no Landlock" in toy.report()["reason"]


def test_a_locked_run_is_always_confined(toy: Toy, in_process: InProcess) -> None:
    ran = in_process(toy, "package", "build", "--locked", "--unconfined")
    assert ran.status == 2
    assert "--unconfined and --locked exclude each other" in ran.line


def test_an_unconfined_package_says_so_and_leaves_nothing_for_the_next_run(toy: Toy) -> None:
    text = toy.text("src/usecase/scenarios.py")
    toy.write("src/usecase/scenarios.py", f"{text}\n# Another text, so that its stages run.\n")
    toy.commit()
    toy.sluice("package", "build", "--unconfined").went_well()
    assert confinement(toy) == dict.fromkeys(TASKS, False)
    verified = toy.sluice("package", "verify", str(toy.package)).went_well()
    assert "was built with --unconfined, so it cannot be delivered or released" in verified.out

    shutil.rmtree(toy.root / "dist")
    # An environment variable does not replace the option.
    toy.sluice("package", "build", **{UNCONFINED: "1"}).went_well()
    assert confinement(toy) == dict.fromkeys(TASKS, True)
    assert "unconfined" not in toy.sluice("package", "verify", str(toy.package)).went_well().out


def confinement(toy: Toy) -> dict[str, bool]:
    said: dict[str, bool] = json.loads(Package.read(toy.package).contents[CONFINEMENT])
    return said


@pytest.mark.long
def test_a_model_has_the_same_bytes_confined_and_unconfined(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boosting uses several threads if allowed, as many as the machine has."""
    made = {}
    for way, said in (("confined", "0"), ("unconfined", "1")):
        monkeypatch.setenv(UNCONFINED, said)
        shutil.rmtree(toy.root / "out/candidates/boosting")
        candidate.run(Project(toy.root), "boosting")
        files = sorted((toy.root / "out/candidates/boosting").iterdir())
        made[way] = {path.name: path.read_bytes() for path in files}
    before, after = (made[way].pop("confined.json") for way in made)
    assert (json.loads(before), json.loads(after)) == (True, False)
    assert "model.onnx" in made["confined"]
    assert made["confined"] == made["unconfined"]
