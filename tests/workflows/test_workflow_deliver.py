"""deliver.yml on a push to main publishes a pre-release, or nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.workflows.repository import Place

# Every run builds an image with the same name, so no two of them may run at the same time.
pytestmark = [pytest.mark.xdist_group("candidate"), pytest.mark.usefixtures("engine")]

JOBS = {"build", "rebuild", "image", "compare", "attest", "test", "publish"}


@pytest.fixture
def place(place: Place, store: str) -> Place:
    place.push_images_to(store)
    return place


def test_a_commit_becomes_a_pre_release(delivered: Path):
    jobs, _, log = json.loads((delivered / "ran.json").read_text("utf-8"))
    assert jobs == dict.fromkeys(JOBS, "success")
    releases, latest, tags, _ = json.loads((delivered / "github.json").read_text("utf-8"))
    (release,) = releases
    assert (release["prerelease"], release["draft"], latest) == (True, False, None)
    assert tags[release["tag_name"]]["sha"] == release["target_commitish"]
    names = {asset["name"] for asset in release["assets"]}
    assert {"delivery.json", "package.cdx.json", "image.cdx.json", "report.html"} <= names
    assert {"load.json", "test-scenarios.json", "measured.json"} <= names
    notes = [
        json.loads(path.read_text("utf-8")) for path in (delivered / "state/attestations").iterdir()
    ]
    kinds = sorted((note["kind"], note["subject"].split("/")[-1][:4]) for note in notes)
    assert kinds == [
        ("CycloneDX", "pack"),
        ("CycloneDX", "shop"),
        ("provenance", "deli"),
        ("provenance", "pack"),
        ("provenance", "shop"),
    ]
    # Each of the two jobs has run every stage itself, without results of an earlier run.
    assert log.count("Running stage 'performance'") == 2


def test_a_failing_gate_stops_the_delivery(place):
    with place.toy.params() as settings:
        settings["performance"]["bounds"]["roc_auc"] = {"low": 0.999}
    place.toy.commit()
    ran = place.push()
    assert ran.status != 0
    assert {job: result for job, result in ran.jobs.items() if result != "skipped"} == {
        "build": "failure",
        "rebuild": "failure",
    }
    assert place.github.releases == []


def test_a_cancelled_delivery_publishes_nothing(place):
    ran = place.push(cancel_at="Running stage")
    assert ran.status != 0
    assert "success" not in {ran.jobs.get(job) for job in JOBS}
    assert place.github.releases == []


def test_a_package_that_was_changed_between_two_jobs_is_refused(
    after_delivery: Place, delivered: Path
):
    """Only the comparing job runs here, on the files that both builds have uploaded."""
    place = after_delivery
    shutil.copytree(delivered / "state/artifacts", place.workflows.state / "artifacts")
    (package,) = place.workflows.artifact("rebuilt").iterdir()
    content = bytearray(package.read_bytes())
    content[len(content) // 2] ^= 1
    package.write_bytes(content)
    # Only act reads this file; each job has a clone of the commit.
    workflow = place.toy.text(".github/workflows/deliver.yml")
    alone = workflow.replace("    needs: [build, rebuild]\n", "")
    place.toy.write(".github/workflows/deliver.yml", alone)
    ran = place.push("image")
    assert ran.jobs == {"image": "failure"}
    assert ran.failed_step() == "Compare the packages byte for byte"


@pytest.mark.long
def test_a_package_whose_server_is_too_slow_is_not_published(place):
    """The gate itself is tested in tests/staging."""
    with place.toy.params() as settings:
        settings["load"]["bounds"]["throughput"] = {"low": 1e9}
    place.toy.sluice("run", PYTHONPATH=str(place.toy.root / "src")).went_well()
    place.toy.commit()
    ran = place.push()
    assert ran.status != 0
    assert ran.jobs["attest"] == "success"
    assert ran.jobs["test"] == "failure"
    assert ran.jobs.get("publish") != "success"
    verdict = json.loads((place.workflows.artifact("tested") / "load.json").read_text("utf-8"))
    assert verdict["status"] == "fail"
    assert place.github.releases == []
