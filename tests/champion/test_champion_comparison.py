"""The champion gate: `sluice run --champion` compares the candidate with the champion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sluice.package.parts import DATA
from support.fixture_project import Ran, Toy
from support.package_parts import Package


@pytest.fixture
def champion(built, tmp_path) -> Path:
    return Path(shutil.copy(built("binary").package, tmp_path / "champion.tar"))


def fetched(toy: Toy, record: dict[str, object]) -> Path:
    """The folder of `sluice champion fetch` with this record."""
    toy.write("out/champion/champion.json", json.dumps(record))
    return toy.root / "out/champion"


def compare(toy: Toy, champion: Path) -> tuple[Ran, dict]:
    ran = toy.sluice("run", "--champion", str(champion))
    return ran, toy.json("out/champion/verdict.json")


def worsen(toy: Toy) -> None:
    with toy.params() as settings:
        settings["candidates"] = {"linear": {"model": "linear", "parameters": {"C": 1e-4}}}
        settings["performance"]["bounds"] = {"roc_auc": {"low": 0.55}}
        settings["performance"]["over_baselines"] = -0.9
        settings["performance"]["under_champion"] = 0.001
        settings["accept"] = []


def test_the_same_model_is_not_worse(toy, champion):
    ran, verdict = compare(toy, champion)
    assert ran.status == 0, ran.said
    assert verdict["status"] == "pass"
    assert {f["name"] for f in verdict["findings"]} == {
        "champion/gain in roc_auc",
        "champion/gain in cost",
    }
    assert all(f["estimate"] == 0 for f in verdict["findings"])
    for form in ("report.md", "report.html"):
        assert "Comparison with the champion" in toy.text(f"out/report/{form}")


def test_a_worse_model_is_refused_unless_params_yaml_allows_the_loss(toy, champion):
    worsen(toy)
    ran, verdict = compare(toy, champion)
    assert ran.status == 1
    assert verdict["status"] == "fail"
    worse = {f["name"]: f for f in verdict["findings"]}["champion/gain in roc_auc"]
    assert worse["estimate"] < worse["bound"]["low"]
    assert "champion" in toy.report()["reason"]
    assert "does not pass" in toy.text("out/report/report.md").splitlines()[0]
    refused = toy.sluice("package", "build", "--champion", str(champion))
    assert refused.status == 1
    assert toy.packages == []
    with toy.params() as settings:
        settings["performance"]["under_champion"] = 0.99
    _, verdict = compare(toy, champion)
    assert verdict["status"] == "pass"


def test_there_is_no_champion_yet(toy):
    ran, verdict = compare(toy, fetched(toy, {"release": None}))
    assert ran.status == 0, ran.said
    assert verdict["findings"][0]["name"] == "champion/none"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "it is unknown which version serves production"),
        ({"release": "v1", "sha256": "0" * 64}, "package.tar is missing"),
        ({"release": "v1", "baseline": 0.1}, "is not readable"),
    ],
)
def test_a_champion_that_is_missing_or_unreadable_does_not_pass(toy, record, why):
    where = fetched(toy, record) if record else toy.root / "nowhere"
    ran, verdict = compare(toy, where)
    assert ran.status == 1
    assert verdict["status"] == "insufficient"
    assert why in verdict["why"]
    assert why in toy.report()["reason"]


def test_a_champion_that_was_tampered_with(toy, champion):
    fetched(toy, {"release": "v1", "sha256": "0" * 64})
    shutil.copy(champion, toy.root / "out/champion/package.tar")
    ran, verdict = compare(toy, toy.root / "out/champion")
    assert (ran.status, "is not the package that was fetched" in verdict["why"]) == (1, True)
    content = champion.read_bytes()
    champion.write_bytes(content.replace(b'"threshold":', b'"threshold" :', 1)[: len(content)])
    ran, verdict = compare(toy, champion)
    assert (ran.status, verdict["status"]) == (1, "insufficient")


def test_a_champion_that_needs_a_removed_column(toy, champion):
    with toy.params() as settings:
        settings["columns"]["waste"]["use"] = "ignored"
        settings["columns"]["slope"] = {"type": "text", "use": "ignored"}
    ran, verdict = compare(toy, champion)
    assert ran.status == 1
    assert "needs 'slope'" in verdict["why"]


def test_a_champion_record_in_a_commit_is_refused(toy):
    fetched(toy, {"release": None})
    toy.git("add", "-f", "out/champion/champion.json")
    toy.git("commit", "-qm", "my own champion")
    ran = toy.sluice("run", "--champion", "out/champion")
    assert ran.status == 2
    assert "git tracks out/champion/champion.json" in ran.line


@pytest.mark.long
def test_rows_that_are_split_by_time(toy, champion):
    """The champion is compared only on rows that are newer than those it was trained on."""
    with toy.params() as settings:
        settings["split"]["by_time"] = "born"
        settings["columns"]["born"]["use"] = "ignored"
        settings["data"]["sensitive"] = {"side": {}}
        settings["quality"]["rows"] = 1_000
    toy.sluice("package", "build").went_well()
    shutil.copy(toy.package, champion)
    ran, verdict = compare(toy, champion)
    assert ran.status == 0, ran.said
    assert {f["name"]: f["estimate"] for f in verdict["findings"]} == {
        "champion/gain in roc_auc": 0,
        "champion/gain in cost": 0,
    }
    later = Package.read(champion)
    described = json.loads(later.contents[DATA])
    described["splits"]["validation"]["until"] += 30
    later.replace(DATA, json.dumps(described).encode())
    champion.write_bytes(later.seal())
    ran, verdict = compare(toy, champion)
    assert ran.status == 1
    assert verdict["status"] == "insufficient"
    assert "trained on rows that are as new as these" in verdict["why"]
