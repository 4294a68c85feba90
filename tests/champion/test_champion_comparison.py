"""The candidate beside the champion, and a contribution beside the branch it goes into."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.fixture_project import Ran, Toy


@pytest.fixture
def champion(built, tmp_path) -> Path:
    return Path(shutil.copy(built("binary").package, tmp_path / "champion.tar"))


def found(toy: Toy, said: dict[str, object]) -> Path:
    toy.write("out/champion/champion.json", json.dumps(said))
    return toy.root / "out/champion"


def beside(toy: Toy, champion: Path) -> tuple[Ran, dict]:
    ran = toy.sluice("run", "--champion", str(champion))
    return ran, toy.json("out/champion/verdict.json")


def worsen(toy: Toy) -> None:
    with toy.params() as settings:
        settings["candidates"] = {"linear": {"model": "linear", "parameters": {"C": 1e-4}}}
        settings["performance"]["bounds"] = {"roc_auc": {"low": 0.5}}
        settings["performance"]["over_baselines"] = -1.0
        settings["performance"]["under_champion"] = 0.001
        settings["accept"] = []


def test_the_same_model_is_no_worse(toy, champion):
    ran, verdict = beside(toy, champion)
    assert ran.status == 0, ran.said
    assert verdict["status"] == "pass"
    assert {f["name"] for f in verdict["findings"]} == {
        "champion/gain in roc_auc",
        "champion/gain in cost",
    }
    assert all(f["estimate"] == 0 for f in verdict["findings"])
    for form in ("report.md", "report.html"):
        assert "Beside the champion" in toy.text(f"out/report/{form}")


def test_a_worse_model_is_refused_by_name_unless_so_much_may_be_lost(toy, champion):
    worsen(toy)
    ran, verdict = beside(toy, champion)
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
        settings["performance"]["under_champion"] = 1.0
    _, verdict = beside(toy, champion)
    assert verdict["status"] == "pass"


def test_nobody_in_production(toy):
    ran, verdict = beside(toy, found(toy, {"release": None}))
    assert ran.status == 0, ran.said
    assert verdict["findings"][0]["name"] == "champion/none"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "it is unknown who serves production"),
        ({"release": "v1", "sha256": "0" * 64}, "package.tar is missing"),
        ({"release": "v1", "baseline": 0.1}, "is not readable"),
    ],
)
def test_a_champion_that_cannot_be_had_does_not_pass(toy, said, why):
    where = found(toy, said) if said else toy.root / "nowhere"
    ran, verdict = beside(toy, where)
    assert ran.status == 1
    assert verdict["status"] == "insufficient"
    assert why in verdict["why"]
    assert why in toy.report()["reason"]


def test_a_champion_that_was_tampered_with(toy, champion):
    found(toy, {"release": "v1", "sha256": "0" * 64})
    shutil.copy(champion, toy.root / "out/champion/package.tar")
    ran, verdict = beside(toy, toy.root / "out/champion")
    assert (ran.status, "is not the package that was fetched" in verdict["why"]) == (1, True)
    content = champion.read_bytes()
    champion.write_bytes(content.replace(b'"threshold":', b'"threshold" :', 1)[: len(content)])
    ran, verdict = beside(toy, champion)
    assert (ran.status, verdict["status"]) == (1, "insufficient")


def test_a_champion_that_reads_what_is_gone(toy, champion):
    with toy.params() as settings:
        settings["columns"]["waste"]["use"] = "ignored"
        settings["columns"]["slope"] = {"type": "text", "use": "ignored"}
    ran, verdict = beside(toy, champion)
    assert ran.status == 1
    assert "needs 'slope'" in verdict["why"]


def test_a_baseline_in_a_commit_is_refused(toy):
    found(toy, {"release": None})
    toy.git("add", "-f", "out/champion/champion.json")
    toy.git("commit", "-qm", "my own baseline")
    ran = toy.sluice("run", "--champion", "out/champion")
    assert ran.status == 2
    assert "git tracks out/champion/champion.json" in ran.line


def test_bounds_that_a_contribution_loosens_come_first(toy):
    with toy.params() as settings:
        settings["performance"]["bounds"]["roc_auc"] = {"low": 0.6}
        settings["fairness"]["bounds"]["selection_rate_difference"] = {"high": 0.1999}
        settings["accept"] = [{"finding": "performance/recall", "reason": "because I say so"}]
    toy.sluice("run", "--against", "HEAD")
    made = toy.report()["contribution"]
    assert [(one["kind"], one["key"]) for one in made["settings"]] == [
        ("looser", "performance.bounds.roc_auc.low"),
        ("looser", "accept: performance/recall"),
        ("tighter", "fairness.bounds.selection_rate_difference.high"),
    ]
    assert "params.yaml" in made["files"]
    top = toy.text("out/report/report.md").split("| Verdict |")[0]
    assert "loosens 2 settings" in top
    assert "| 0.75 | 0.6 |" in top
    assert "loosens 2 settings" in toy.text("out/report/report.html").split('class="gates"')[0]


def test_a_contribution_that_changes_nothing_of_it_says_nothing(toy):
    toy.sluice("run", "--against", "HEAD").went_well()
    assert toy.report()["contribution"] == {"against": toy.git("rev-parse", "HEAD")[:7]} | {
        "settings": [],
        "files": [],
        "inside": [],
    }
    assert "This contribution" not in toy.text("out/report/report.md")


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD; true"])
def test_a_revision_that_is_none(toy, revision):
    ran = toy.sluice("run", f"--against={revision}")
    assert ran.status == 2
    assert "no such revision" in ran.line
    assert not (toy.root / "x").exists()


def test_a_stale_lock_is_refused_after_the_results(toy):
    with toy.params() as settings:
        settings["columns"] = dict(reversed(settings["columns"].items()))
    toy.sluice("run").went_well()
    toy.git("commit", "-qam", "moved lines, which say the same")
    toy.sluice("run", "--locked").went_well()
    assert toy.git("status", "--porcelain") == ""
    with toy.params() as settings:
        settings["explanation"]["rows"] = 21
    toy.git("commit", "-qam", "forgot the lock")
    ran = toy.sluice("package", "build", "--locked")
    assert ran.status == 1
    assert "run 'make package', and commit dvc.lock" in ran.line
    assert toy.report()["releasable"]
    assert toy.report()["stale_lock"]
    top = toy.text("out/report/report.md").split("| Verdict |")[0]
    assert top.startswith("## ⚠️")
    assert "run 'make package', and commit dvc.lock" in top
    assert "pass" in ran.out
    assert toy.packages == []
    toy.git("commit", "-qam", "lock")
    toy.sluice("package", "build", "--locked").went_well()
    assert "dvc.lock" not in toy.text("out/report/report.md")
