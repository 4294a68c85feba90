"""Bounds that no person has confirmed are called derived in every form of the report."""

from __future__ import annotations

from collections.abc import Callable

from sluice.files import read_json, write_json
from sluice.project import Project
from sluice.report.record import Report
from sluice.verdict import Bound, Finding, Status
from support.reports import FAILS, report, verdict

Make = Callable[..., Project]
SENTENCE = "The bounds were derived from the data, and no person has confirmed them"


def with_bounds(project: Project, bounds: str, record: dict[str, object]) -> Project:
    params = read_json(project.root / "params.yaml")
    params["bounds"] = bounds
    write_json(project.root / "params.yaml", params)
    write_json(project.root / "adopted.yaml", record)
    return Project(project.root)


def written(project: Project) -> tuple[Report, str, str]:
    source = project.source("quality", "rows")
    few = Finding("data-quality/rows", Status.FAIL, "found 3", bound=Bound(source))
    verdict(project, "data-quality", few)
    return report(project)


def test_derived_bounds_are_named_first_with_what_to_do_if_one_fails(make: Make) -> None:
    adopted = {"quality": {"rows": 10}}
    data, markup, page = written(with_bounds(make(), "derived", adopted))
    assert data.bounds == "derived"
    assert SENTENCE in markup.split("| Verdict", 1)[0]
    assert SENTENCE in page.split('<ol class="gates">', 1)[0]
    for text in (markup, page):
        assert "params.yaml: quality.rows, derived from the data" in text
        assert "sluice adopt --again" in text
        assert "correct the data, or correct params.yaml" in text
        assert "better candidate" not in text


def test_an_edited_bound_is_no_longer_derived(make: Make) -> None:
    project = with_bounds(make(), "derived", {"quality": {"rows": 11, "duplicates": 0.1}})
    assert project.source("quality", "rows") == "params.yaml: quality.rows"
    assert project.source("quality", "duplicates").endswith(", derived from the data")
    _, markup, page = written(project)
    assert "sluice adopt --again" not in markup + page


def test_confirmed_bounds_are_not_called_derived(make: Make) -> None:
    data, markup, page = written(with_bounds(make(), "confirmed", {"quality": {"rows": 10}}))
    assert data.bounds == "confirmed"
    assert "derived" not in markup + page


def test_better_data_is_recommended_only_if_it_helps(make: Make) -> None:
    project = make()
    verdict(project, "scenarios", FAILS)
    assert "better candidate" not in report(project)[1]
    verdict(project, "performance", Finding("performance/mae", Status.FAIL, "9 is too much"))
    assert "better candidate" in report(project)[1]


def test_the_first_screen_names_the_target_and_the_class_that_is_scored(make: Make) -> None:
    said = "Predicts y: one of two classes (no, yes); the score is the probability of yes"
    assert said in report(make())[1].split("| Verdict", 1)[0]
