"""`--locked` accepts the results of a run, and nothing can replace a run."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import dvc, integrity

STAGES = {
    "train": {
        "matrix": {"candidate": "${candidates}"},
        "cmd": "mkdir -p out && echo ${item.candidate} > out/${item.candidate}",
        "params": ["candidates.${item.candidate}"],
        "outs": ["out/${item.candidate}"],
    },
    # It reads a file that dvc.yaml does not name, like a stage with a missing dependency.
    "gate": {
        "cmd": "cat hidden out/* > verdict",
        "deps": ["out"],
        "params": ["quality", "accept"],
        "outs": ["verdict"],
    },
}
Settings = dict[str, Any]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with real stages, so that DVC itself decides what runs."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    project = tmp_path / "project"
    (project / ".dvc").mkdir(parents=True)
    (project / ".dvc/config").write_text("[core]\n    no_scm = true\n", "utf-8")
    (project / "dvc.yaml").write_text(json.dumps({"stages": STAGES}), "utf-8")
    (project / "hidden").write_text("good\n", "utf-8")
    settings = {
        "candidates": {"a": {"x": 1}, "b": {"x": 2}},
        "quality": {"rows": 1, "share": 0},
        "accept": [],
    }
    (project / "params.yaml").write_text(json.dumps(settings), "utf-8")
    return project


def run_locked(root: Path) -> bool:
    return dvc.reproduce_without_lock(root, lambda: dvc.reproduce_everything(root))


def _add(settings: Settings, random: Random) -> None:
    settings["candidates"][f"c{random.randrange(10**6)}"] = {"x": random.random()}


def _remove(settings: Settings, random: Random) -> None:
    del settings["candidates"][random.choice(sorted(settings["candidates"]))]


def _rename(settings: Settings, random: Random) -> None:
    name = random.choice(sorted(settings["candidates"]))
    settings["candidates"][f"{name}_again"] = settings["candidates"].pop(name)


def _change(settings: Settings, random: Random) -> None:
    name = random.choice(sorted(settings["candidates"]))
    settings["candidates"][name] = {"x": random.random(), "y": ["z"]}
    settings["quality"]["rows"] = random.randrange(1000)


def _reorder(settings: Settings, random: Random) -> None:
    for section in (settings, settings["candidates"], settings["quality"]):
        keys = list(section)
        random.shuffle(keys)
        for key in keys:
            section[key] = section.pop(key)


def _accept(settings: Settings, random: Random) -> None:
    one = {"finding": f"gate/{random.random()}", "reason": "a test"}
    settings["accept"] = [] if settings["accept"] else [one]


EDITS = (_add, _rename, _change, _reorder, _accept, _remove)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(2))
def test_a_run_writes_the_same_as_a_locked_run(root: Path, seed: int) -> None:
    """After edits of params.yaml in any order, one or several between two runs, both write the same
    files.
    """
    random = Random(seed)  # noqa: S311
    settings = read_yaml(root / "params.yaml")
    edits = random.sample(EDITS, k=len(EDITS))
    while edits:
        for _ in range(random.randint(1, 2)):
            if edits:
                edits.pop()(settings, random)
        (root / "params.yaml").write_text(json.dumps(settings), "utf-8")
        names = sorted(settings["candidates"])
        for path in (root / "out").glob("*"):  # a run deletes the outputs of removed candidates
            if path.name not in names:
                path.unlink()
        assert dvc.reproduce(root)
        left = read_yaml(root / "dvc.lock")
        assert sorted(left["stages"]) == ["gate", *(f"train@{name}" for name in names)]
        before = (root / "dvc.lock").read_bytes()
        assert run_locked(root)
        assert (root / "dvc.lock").read_bytes() == before


@pytest.mark.heavy
def test_a_cached_result_of_a_bad_merge_does_not_outlive_its_revert(root: Path) -> None:
    (root / "hidden").write_text("bad\n", "utf-8")
    assert dvc.reproduce(root)
    assert (root / "verdict").read_text("utf-8").startswith("bad")
    (root / "hidden").write_text("good\n", "utf-8")
    # DVC trusts the key of the stage, and so restores the bad verdict.
    (root / "verdict").unlink()
    assert dvc.reproduce(root)
    assert (root / "verdict").read_text("utf-8").startswith("bad")
    assert run_locked(root)
    assert (root / "verdict").read_text("utf-8").startswith("good")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[core]\n    remote = r\n['remote \"r\"']\n    url = store\n", None),
        ("[HYDRA]\n    enabled = true\n", ".dvc/config has the section 'hydra'"),
        ("[core]\n    hardlink_lock = true\n", ".dvc/config has core.hardlink_lock"),
    ],
)
def test_settings_that_a_locked_run_refuses(root: Path, text: str, why: str | None) -> None:
    (root / ".dvc/config").write_text(text, "utf-8")
    if why is None:
        integrity.require_plain_settings(root)
    else:
        with pytest.raises(SluiceError, match=why):
            integrity.require_plain_settings(root)
