"""report.yml writes one comment from the report of a pull request's run, with the code of main."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from support.github.storage import Storage
from support.workflows.repository import Place


@pytest.fixture
def place(place: Place) -> Place:
    """A run of CI whose report GitHub keeps on another host."""
    storage = Storage()
    place.github.storage = storage.url
    place.storage = storage  # type: ignore[attr-defined]
    for sha in (place.github.pulls[0]["base"]["sha"], place.github.pulls[0]["head"]["sha"]):
        content = place.toy.text("params.yaml").encode()
        place.github.contents["octo/shop", "params.yaml", sha] = content
    yield place
    storage.server.shutdown()
    storage.server.server_close()


def comment(place: Place, report: bytes) -> object:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("report.json", report)
    place.storage.content = packed.getvalue()
    run = {
        **place.github.run,
        "head_repository": {"full_name": "octo/shop"},
        "head_branch": "$(touch pwned)",
    }
    payload = place.event(workflow_run=run, workflow={"name": "CI"}, action="completed")
    return place.workflows.run("workflow_run", "report", payload=payload)


def test_the_report_becomes_one_comment_which_a_second_run_replaces(place):
    report = Path(place.toy.root / "out/report/report.json").read_bytes()
    ran = comment(place, report)
    assert ran.status == 0, ran.log[-4000:]
    (written,) = place.github.comments
    assert "toy-binary passes every gate" in written["body"]
    comment(place, report)
    assert len(place.github.comments) == 1
    assert not list(place.workflows.home.rglob("pwned"))


def test_the_comment_says_so_if_the_artifact_is_not_a_report(place):
    ran = comment(place, b'{"pull_request": 99}')
    assert ran.status != 0
    (written,) = place.github.comments
    assert "No report" in written["body"]


def test_a_run_that_no_pull_request_started_gets_no_comment(place):
    place.github.run["event"] = "push"
    ran = comment(place, b"{}")
    assert ran.jobs.get("comment") in (None, "skipped")
    assert place.github.comments == []
