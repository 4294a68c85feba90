"""ci.yml on a pull request: a change that passes, and each kind of change that must not pass."""

from __future__ import annotations

import json

import pytest

from support.workflows.repository import Place

# Every such run builds an image with the same name, so no two of them may run at the same time.
builds_an_image = pytest.mark.xdist_group("candidate")
uses_the_engine = pytest.mark.usefixtures("engine")

ALL = {"scope", "check", "test", "pipeline", "record", "integration", "all-green"}


def report(place: Place) -> dict:
    return json.loads((place.workflows.artifact("report") / "report.json").read_text("utf-8"))


# The names of branches, titles and commit messages are data, wherever a workflow uses them.
EVIL = "$(touch pwned)`touch pwned`;touch pwned;${{ github.token }}"
EVIL_EVENT = {
    "title": EVIL,
    "body": EVIL,
    "head": {"ref": "x`touch$IFS`pwned`", "label": EVIL, "sha": "a" * 40},
}


def judged_elsewhere() -> dict:
    name = f"judged-{'1' * 16}-{'2' * 16}"
    return {"id": 7, "name": name, "size_in_bytes": 1, "expired": True}


@builds_an_image
@uses_the_engine
def test_a_change_of_documentation_passes_without_the_tests_of_the_machinery(place):
    """The texts of the change (branch, title, message) are commands, which no step may run."""
    place.toy.write("docs/note.md", "# A note\n")
    place.github.earlier_artifacts = [judged_elsewhere()]
    place.propose()
    place.toy.git("commit", "-q", "--amend", "-m", EVIL)
    ran = place.pull_request(**EVIL_EVENT)
    assert ran.status == 0, ran.log[-4000:]
    # act does not list a job that is skipped; all_green.py prints the result that it was given.
    assert ran.jobs == {name: "success" for name in ALL if name != "test"}
    assert ran.said("skipped    test")
    assert report(place)["releasable"]
    gates = {gate["gate"]: gate for gate in report(place)["gates"]}
    assert "champion" in gates
    assert "(1 only in other runs of CI)" in str(gates["attempts"])
    (judged,) = place.workflows.artifacts("judged-*")
    assert judged.name != judged_elsewhere()["name"]
    (package,) = place.workflows.artifact("package").iterdir()
    assert package.name.startswith("toy-binary-")
    assert ran.said("passes every gate")  # the summary
    assert ran.said("Running stage 'performance'")  # without results of earlier runs
    assert place.github.writes == []
    assert not list(place.workflows.home.rglob("pwned"))
    assert not list(place.toy.root.rglob("pwned"))


def test_failing_gates_and_checks_and_a_loosened_threshold_are_all_reported(place):
    with place.toy.params() as settings:
        settings["performance"]["bounds"] = {"roc_auc": {"low": 0.999}, "recall": {"low": 0.5}}
    place.toy.write("tests/usecase/untidy.py", "import os,sys\n")
    place.propose()
    ran = place.pull_request()
    assert ran.status != 0
    failed = {"pipeline", "check", "all-green"}
    assert {job for job in failed if ran.jobs[job] == "failure"} == failed
    assert ran.said("failure    pipeline")
    assert ran.said("failure    check")
    assert ("check", "make check", "failure") in ran.steps
    assert ran.jobs.get("integration") in (None, "skipped")
    assert not report(place)["releasable"]
    assert "performance/roc_auc" in report(place)["reason"]
    # Gates that depend on the changed settings too have run, although dvc.lock is stale.
    assert [gate["gate"] for gate in report(place)["gates"] if gate["status"] != "pass"] == [
        "performance"
    ]
    assert not place.workflows.artifact("package").exists()
    # A refused model counts too.
    assert len(place.workflows.artifacts("judged-*-*")) == 1, ran.log[-3000:]
    kinds = {one["after"]: one["kind"] for one in report(place)["contribution"]["settings"]}
    assert kinds == {"0.5": "looser", "0.999": "tighter"}
    assert ran.said("loosens 1 setting of the gates")  # the summary
    assert "params.yaml" in report(place)["contribution"]["files"]


def test_a_failing_test_of_the_use_case_fails_the_job_check(place):
    place.toy.write("tests/usecase/test_fork.py", "def test_it():\n    assert not __name__\n")
    place.propose()
    ran = place.pull_request("check")
    assert ran.jobs == {"check": "failure"}
    assert ran.failed_step() == 'make test T="tests/usecase tests/docs"'


def always_decide_to_skip(place: Place) -> None:
    """The pull request replaces the deciding script by one that always says skip, and changes the
    machinery.
    """
    place.toy.write(
        ".github/scope.py", place.toy.text(".github/scope.py").replace('"run"', '"skip"')
    )
    place.toy.write("src/sluice/extra.py", "")


def put_a_folder_where_the_base_branch_goes(place: Place) -> None:
    script = "open(__import__('os').environ['GITHUB_OUTPUT'], 'a').write('machinery=skip')\n"
    place.toy.write("base/.github/scope.py", script)
    (place.toy.root / "change").symlink_to("base")


def test_a_contribution_cannot_avoid_the_tests_of_the_machinery(place):
    """Each of the two changes alone makes the tests run; test_scope.py tests links, renames and
    similar changes.
    """
    always_decide_to_skip(place)
    put_a_folder_where_the_base_branch_goes(place)
    place.propose()
    ran = place.pull_request("test")
    assert ran.jobs == {"scope": "success", "test": "success"}, ran.log[-4000:]
    assert ran.said("The tests of the machinery run: ")


def test_the_tests_run_if_the_job_scope_fails_and_a_failing_one_fails_their_job(place):
    place.toy.git("rm", "-q", ".github/scope.py")
    place.toy.write("tests/check/test_machinery.py", "def test_it():\n    assert False\n")
    place.toy.commit()
    place.toy.write("docs/note.md", "# A note\n")
    place.propose()
    ran = place.pull_request("test")
    assert ran.jobs == {"scope": "failure", "test": "failure"}, ran.log[-4000:]
    assert ("test", "make test", "failure") in ran.steps


@pytest.mark.parametrize("event", ["push", "merge_group"])
def test_main_and_the_merge_queue_run_the_tests_for_every_change(place, event):
    place.toy.write("docs/note.md", "# A note\n")
    place.propose()
    ran = place.workflows.run(event, "ci", "test", payload=place.event())
    assert ran.jobs["test"] == "success"
    assert ran.jobs.get("scope") in (None, "skipped")


def test_a_cancelled_run_does_not_pass(place):
    """After a cancellation, GitHub still runs `all-green`, but act does not: test_all_green.py runs
    its script.
    """
    with place.toy.params() as settings:
        settings["explanation"]["rows"] = 21
    place.propose()
    ran = place.pull_request("all-green", cancel_at="Running stage")
    assert ran.status != 0
    assert ran.jobs["pipeline"] == "failure"
    assert ("all-green", "Check that every job has run and succeeded", "success") not in ran.steps
    assert not place.workflows.artifact("package").exists()


def drop_a_gate(place: Place) -> None:
    stages = place.toy.text("dvc.yaml")
    start, end = stages.index("  fairness:\n"), stages.index("  explanation:\n")
    place.toy.write("dvc.yaml", stages[:start] + stages[end:])


def test_a_contribution_that_removes_a_gate_and_a_required_job_is_refused(place):
    """The report lists the files that it changes; tests/pipeline has other changes of dvc.yaml."""
    drop_a_gate(place)
    workflow = place.toy.text(".github/workflows/ci.yml")
    place.toy.write(
        ".github/workflows/ci.yml", workflow.replace("pipeline, record, integration", "check")
    )
    place.toy.write("tests/machinery/test_nothing.py", "def test_it():\n    pass\n")
    place.propose()
    ran = place.pull_request("pipeline")
    assert ran.status != 0
    assert ran.said("the stage 'fairness' must run 'sluice check fairness'")
    assert not report(place)["releasable"]
    assert not place.workflows.artifact("package").exists()
    assert report(place)["contribution"]["files"] == [
        ".github/workflows/ci.yml",
        "dvc.yaml",
        "tests/machinery/test_nothing.py",
    ]


def test_the_run_fails_if_github_does_not_say_which_version_is_the_champion(place):
    place.github.interfere = lambda verb, path, _: (
        (503, {"message": "down"}) if path.endswith("/releases/latest") else None
    )
    ran = place.pull_request("pipeline")
    assert ran.status != 0
    assert "out/champion has no champion.json" in report(place)["reason"]
    assert not place.workflows.artifact("package").exists()
