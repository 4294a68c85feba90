"""Every error is one line that says what is wrong and where; --debug shows the traceback."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.command_line import InProcess
from support.fixture_project import Ran, Toy

Change = Callable[[dict[str, Any]], object]


def _one_line(ran: Ran, *said: str) -> None:
    assert ran.status == 2, ran.said
    assert "Traceback" not in ran.said
    assert ran.err == f"sluice: {ran.line}\n"
    for part in said:
        assert part in ran.line


def test_params_that_are_not_yaml(toy: Toy, in_process: InProcess) -> None:
    texts = {
        "": "params.yaml: expected keys and values, found NoneType",
        "- a\n- b\n": "params.yaml: expected keys and values, found list",
        "name: [unclosed\n": "params.yaml is not valid YAML",
        "a: 1\na: 2\n": "params.yaml: line 2: the key 'a' occurs twice",
    }
    for text, why in texts.items():
        toy.write("params.yaml", text)
        _one_line(in_process(toy, "run"), why)
        assert why in toy.report()["reason"]
    (toy.root / "params.yaml").write_bytes(b"\xff\xfe\x00")
    _one_line(in_process(toy, "run"), "params.yaml is not valid YAML")
    (toy.root / "params.yaml").unlink()
    _one_line(in_process(toy, "run"), "params.yaml is missing: run this in the project's folder")
    assert "params.yaml is missing" in toy.text("out/report/report.md")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.update(sed=1), ["sed is not a known key"]),
        (lambda p: p.pop("seed"), ["seed is missing"]),
        (lambda p: p["data"].update(target="nothing"), ["data.target names 'nothing'"]),
        (
            lambda p: p["data"]["sensitive"].update(side={"bands": [1, 2]}),
            ["data.sensitive.side", "bands"],
        ),
    ],
    ids=["a wrong key", "a missing key", "no such target", "bands on text"],
)
def test_invalid_params(toy: Toy, in_process: InProcess, change: Change, said: list[str]) -> None:
    with toy.params() as params:
        change(params)
    _one_line(in_process(toy, "package", "build"), "params.yaml: ", *said)
    assert said[0] in toy.report()["reason"]
    assert said[0] in toy.text("out/report/report.md")
    assert toy.packages == []


def test_candidates_that_cannot_be_trained(toy: Toy, in_process: InProcess) -> None:
    """Each error stops its stage, and the report quotes it."""
    with toy.params() as params:
        params["candidates"]["linear"]["parameters"] = {"C": -1}
        params["candidates"]["boosting"] = {"model": "crystal_ball"}
    ran = toy.sluice("package", "build")
    assert ran.status == 1
    assert "Traceback" not in ran.said
    assert ran.line == "refused: no package was built; the report says why"
    assert toy.report()["selection"] is None  # the selection of the run before is not shown
    assert "No candidates" in toy.text("out/report/report.html")
    reason = toy.report()["reason"]
    assert "train: params.yaml: candidates.linear cannot be trained: The 'C' parameter" in reason
    assert "candidates.boosting.model is 'crystal_ball', expected one of [" in reason
    with toy.params() as params:
        params["candidates"] = {"linear": {"model": "linear", "parameters": {"sharpness": 9}}}
    (said,) = in_process(toy, "train", "linear").err.splitlines()
    assert "candidates.linear cannot be trained" in said
    assert "sharpness" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "data/toy.csv is empty: expected a table with a header"),
        (b"key,weight\n", "data/toy.csv has no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "data/toy.csv is neither CSV nor Parquet"),
    ],
    ids=["empty", "a header alone", "binary"],
)
def test_data_that_is_not_a_table(
    toy: Toy, in_process: InProcess, content: bytes, said: str
) -> None:
    (toy.root / "data/toy.csv").unlink()
    (toy.root / "data/toy.csv").write_bytes(content)
    _one_line(in_process(toy, "check", "data-quality"), said)
    assert said in toy.verdict("data-quality")["why"]


def test_a_run_on_data_that_is_not_a_table(toy: Toy) -> None:
    toy.write("data/toy.csv", "")
    ran = toy.sluice("run")
    assert ran.status == 1
    assert "Traceback" not in ran.said
    assert toy.report()["gates"][0]["gate"] == "data-quality"
    assert "data/toy.csv is empty" in toy.report()["reason"]


def test_missing_data(toy: Toy) -> None:
    shutil.rmtree(toy.root / "data")
    shutil.rmtree(toy.root / ".dvc/cache")
    shutil.rmtree(toy.root / ".dvc/store")
    ran = toy.sluice("run")
    assert ran.status == 2
    assert "Traceback" not in ran.said
    assert "data/toy.csv is missing and 'dvc pull' could not download it" in ran.line
    assert "is missing" in toy.report()["reason"]


def test_a_folder_without_a_project(tmp_path: Path) -> None:
    _one_line(Toy(tmp_path).sluice("package", "build"), "is missing", "the project's folder")


def test_missing_files_of_the_project(toy: Toy, in_process: InProcess) -> None:
    for name in (".dvc/config", "data.dvc", "dvc.yaml"):
        (toy.root / name).unlink()
        _one_line(in_process(toy, "run"), f"{name} is missing: run this in the project's folder")


def test_a_stage_without_its_inputs(toy: Toy, in_process: InProcess) -> None:
    shutil.rmtree(toy.root / "out")
    for stage in (["train", "linear"], ["select"], ["export"], ["check", "fairness"]):
        _one_line(in_process(toy, *stage), "is missing")


def test_debug_shows_the_traceback(toy: Toy) -> None:
    toy.write("params.yaml", "")
    ran = toy.sluice("--debug", "run")
    assert ran.status != 0
    assert "Traceback" in ran.err


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, sluice.cli\n"
        "try: sluice.cli.main(['--help'])\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    ran = Toy(tmp_path).run(sys.executable, "-c", code)
    loaded = {name.partition(".")[0] for name in ran.err.split()}
    heavy = {"numpy", "pandas", "sklearn", "onnxruntime", "pydantic", "dvc", "matplotlib", "shap"}
    assert "sluice" in loaded
    assert not loaded & heavy
    assert "usage: sluice" in ran.out
