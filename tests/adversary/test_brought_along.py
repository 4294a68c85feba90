"""Results in a commit or a cache do not replace a run's own results."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from support.command_line import InProcess
from support.fixture_project import Ran, Toy

_WORSE = "return MODELS['boosting'](*arguments, max_iter=1, max_leaf_nodes=2, learning_rate=0.01)"


def _refused(run: Callable[..., Ran], toy: Toy, place: str) -> None:
    ran = run(toy, "package", "build")
    assert ran.status == 2
    assert ran.line.startswith(f"git tracks {place}")
    assert "must come from a run" in ran.line
    assert toy.packages == []
    assert toy.report()["reason"].startswith(f"git tracks {place}")


def test_a_cache_that_is_committed(toy: Toy) -> None:
    """DVC restores outputs that dvc.lock names from the cache, so nothing would run."""
    toy.git("add", "-f", ".dvc/cache")
    toy.git("commit", "-qm", "cache")
    shutil.rmtree(toy.root / "out")
    _refused(Toy.sluice, toy, ".dvc/cache/")


def test_committed_verdicts_are_not_used(toy: Toy, in_process: InProcess) -> None:
    toy.git("add", "-f", "out/verdicts")
    toy.git("commit", "-qm", "verdicts")
    _refused(in_process, toy, "out/verdicts/")


def test_a_lock_that_claims_an_earlier_verdict_for_another_model(toy: Toy) -> None:
    """If the outputs of the earlier run are still in a cache, DVC would use them for the new
    model.
    """
    before = _stages(toy)["performance"]
    code = toy.text("src/usecase/candidates.py")
    toy.write(
        "src/usecase/candidates.py",
        code.replace("return builder(*arguments, **parameters)", _WORSE),
    )
    toy.dvc("repro", "export").went_well()
    stages = _stages(toy)
    today = {out["path"]: out for stage in stages.values() for out in stage.get("outs", [])}
    deps = [today.get(dep["path"], dep) for dep in before["deps"]]
    claimed = {"schema": "2.0", "stages": {**stages, "performance": {**before, "deps": deps}}}
    toy.write("dvc.lock", json.dumps(claimed))
    toy.commit()

    ran = toy.sluice("package", "build", "--locked")
    assert ran.status == 1
    assert toy.verdict("performance")["status"] != "pass"
    assert toy.packages == []
    assert toy.json("dvc.lock") == claimed  # a run that fails does not change dvc.lock


def test_a_cache_that_a_bad_merge_has_filled(toy: Toy) -> None:
    """CI saves main's cache, so the results of a bad merge are still there after its revert."""
    with toy.params() as settings:
        settings["performance"]["bounds"]["roc_auc"]["low"] = 0.99
    toy.commit()
    bad = "\nimport sluice.verdict\nsluice.verdict.Bound.admits = lambda bound, value: True\n"
    # No stage depends on the command line.
    name = "src/sluice/commands/__init__.py"
    toy.write(name, toy.text(name) + bad)
    toy.sluice("run", PYTHONPATH=str(toy.root / "src")).went_well()
    assert toy.verdict("performance")["status"] == "pass"

    toy.git("checkout", "-q", "--", name)
    toy.git("add", "dvc.lock", "judged.jsonl")
    toy.git("commit", "-qm", "what the bad merge has left")
    for locked in ((), ("--locked",)):
        assert toy.sluice("package", "build", *locked).status != 0
        assert toy.packages == []
    assert toy.verdict("performance")["status"] == "fail"
    assert "performance/roc_auc" in toy.report()["reason"]


def _stages(toy: Toy) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load(toy.text("dvc.lock"))["stages"]
    return stages


def _add_settings(toy: Toy, text: str, name: str = ".dvc/config") -> None:
    path = toy.root / name
    path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "[cache]\n    dir = store\n",
        "[CACHE]\n    dir = store\n",
        "[Cache]\n    DIR = ../.dvc/./store\n",
        "[cache]\n    local = embedded\n",
        "[CACHE]\n    local = more\n['remote \"more\"']\n    url = remote://embedded/files\n",
    ],
)
def test_a_cache_in_the_committed_store(toy: Toy, in_process: InProcess, text: str) -> None:
    _add_settings(toy, text)
    _refused(in_process, toy, ".dvc/store/")


def test_a_cache_in_the_committed_store_by_an_absolute_path(
    toy: Toy, in_process: InProcess
) -> None:
    _add_settings(toy, f"[CACHE]\n    dir = {toy.root}/.dvc/store\n")
    _refused(in_process, toy, ".dvc/store/")


def test_a_cache_in_the_committed_store_by_committed_local_settings(
    toy: Toy, in_process: InProcess
) -> None:
    _add_settings(toy, "[CACHE]\n    dir = store\n", ".dvc/config.local")
    toy.git("add", "-f", ".dvc/config.local")
    toy.git("commit", "-qm", "settings")
    _refused(in_process, toy, ".dvc/store/")


@pytest.mark.parametrize("target", ["store", "store/files"])
def test_a_cache_in_the_committed_store_by_a_committed_link(
    toy: Toy, in_process: InProcess, target: str
) -> None:
    (toy.root / ".dvc/kept").symlink_to(target)
    _add_settings(toy, "[CACHE]\n    dir = kept\n")
    toy.commit()
    _refused(in_process, toy, ".dvc/store/")


def test_a_cache_in_a_submodule(toy: Toy, in_process: InProcess, tmp_path: Path) -> None:
    other = str(tmp_path / "cache")
    toy.git("init", "-q", other)
    toy.git("-C", other, "commit", "-q", "--allow-empty", "-m", "a cache")
    toy.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other, "kept")
    _add_settings(toy, "[CACHE]\n    dir = ../kept/files\n")
    toy.commit()
    _refused(in_process, toy, "kept")


def test_a_link_in_the_place_of_the_usual_cache(toy: Toy, in_process: InProcess) -> None:
    shutil.rmtree(toy.root / ".dvc/cache")
    (toy.root / ".dvc/cache").symlink_to("store")
    toy.git("add", "-f", ".dvc/cache")
    toy.git("commit", "-qm", "link")
    _refused(in_process, toy, ".dvc/store/")


@pytest.mark.parametrize("level", ["GLOBAL", "SYSTEM"])
def test_a_cache_in_the_committed_store_by_settings_outside(
    toy: Toy, in_process: InProcess, tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "config").write_text(f"[CACHE]\n    dir = {toy.root}/.dvc/store\n", "utf-8")
    monkeypatch.setenv(f"DVC_{level}_CONFIG_DIR", str(folder))
    _refused(in_process, toy, ".dvc/store/")


def test_what_dvc_knows_of_files_in_the_committed_store(toy: Toy, in_process: InProcess) -> None:
    _add_settings(toy, "[CORE]\n    site_cache_dir = .dvc/store\n")
    ran = in_process(toy, "run", DVC_SITE_CACHE_DIR="")
    assert ran.status == 2
    assert ran.line.startswith("git tracks .dvc/store/")


def test_a_cache_outside_the_project(toy: Toy, tmp_path: Path) -> None:
    """A cache outside the project is allowed: many projects may share it, and no commit can contain
    it.
    """
    shutil.move(toy.root / ".dvc/cache", tmp_path / "shared")
    _add_settings(toy, f"[CACHE]\n    dir = {tmp_path}/shared\n")
    toy.sluice("run").went_well()


@pytest.mark.parametrize("text", ["[cache]\n    local = nothing\n", "[cache\n"])
def test_settings_that_dvc_cannot_read(toy: Toy, in_process: InProcess, text: str) -> None:
    _add_settings(toy, text)
    ran = in_process(toy, "run")
    assert ran.status == 2
    assert ran.line.startswith("DVC cannot read its settings: ")


def test_a_gate_that_does_not_read_its_bounds(toy: Toy, in_process: InProcess) -> None:
    """The stage of such a gate would look unchanged when a bound changes."""
    text = toy.text("dvc.yaml")
    toy.write("dvc.yaml", re.sub(r"params: \[.*fairness, accept\]", "params: [task, accept]", text))
    with toy.params() as params:
        params["fairness"]["bounds"] = {"selection_rate_difference": {"high": 0.0}}
    ran = in_process(toy, "package", "build")
    assert ran.status == 2
    assert ran.line == "dvc.yaml: the stage 'fairness' must have 'fairness' under 'params'"
    assert toy.packages == []
