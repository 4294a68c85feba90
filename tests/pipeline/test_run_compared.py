"""`sluice run` compared with another revision, and with a committed dvc.lock."""

from __future__ import annotations

import pytest


def test_loosened_thresholds_and_checks_that_are_gone_are_shown_first(toy):
    declared = {
        gate: toy.json(f"out/evidence/{gate}/declared.json")["names"]
        for gate in ("data-quality", "scenarios")
    }
    toy.write("src/usecase/scenarios.py", "SCENARIOS = []\n")
    toy.write("src/usecase/expectations.py", "EXPECTATIONS = []\n")
    with toy.params() as settings:
        settings["performance"]["bounds"]["roc_auc"] = {"low": 0.6}
        settings["fairness"]["bounds"]["selection_rate_difference"] = {"high": 0.1999}
        settings["accept"] = [{"finding": "performance/recall", "reason": "because I say so"}]
    toy.sluice("run", "--against", "HEAD").went_well()
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
    expected = [f"{gate}: {name}" for gate, names in declared.items() for name in names]
    assert len(expected) > 1
    assert made["gone"] == sorted(expected)
    assert f"{len(expected)} checks are gone since" in top
    assert expected[0] in top


def test_a_contribution_without_changed_settings_is_not_mentioned(toy):
    toy.sluice("run", "--against", "HEAD").went_well()
    assert toy.report()["contribution"] == {"against": toy.git("rev-parse", "HEAD")[:7]} | {
        "settings": [],
        "files": [],
        "inside": [],
        "gone": [],
    }
    assert "This contribution" not in toy.text("out/report/report.md")


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD; true"])
def test_an_unknown_revision_is_refused(in_process, toy, revision):
    ran = in_process(toy, "run", f"--against={revision}")
    assert ran.status == 2
    assert "no such revision" in ran.line
    assert not (toy.root / "x").exists()


def test_a_stale_lock_is_refused_after_the_gates_have_run(toy):
    with toy.params() as settings:
        settings["fairness"] = dict(reversed(settings["fairness"].items()))
    ran = toy.sluice("run").went_well()
    # DVC itself would advise 'dvc push' as well, which the store in the repository does not need.
    assert ran.out.count("git add") == 1
    assert "not committed yet: dvc.lock; run 'git add dvc.lock'\n" in ran.out
    assert "dvc push" not in ran.said
    toy.git("commit", "-qam", "moved lines, which say the same")
    assert "git add" not in toy.sluice("run").went_well().said
    # Nobody knows who has left this.
    toy.write("out/unfinished/removed/0123/0.npz", "models of segments")
    toy.sluice("package", "build", "--locked").went_well()
    assert not (toy.root / "out/unfinished/removed").exists()
    assert toy.git("status", "--porcelain") == ""
    assert "dvc.lock" not in toy.text("out/report/report.md")
    toy.package.unlink()
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
