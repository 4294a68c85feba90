"""The pages of the report: numbers, tables and charts, and text that stays text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from sluice.markdown import escape
from sluice.project import Project
from sluice.verdict import Bound, Finding, Status, judge
from support.reports import HOSTILE, report, verdict

Make = Callable[..., Project]


@pytest.mark.parametrize(
    ("estimate", "bound", "shown"),
    [
        (123_456.7, 100_000.0, "123,457 is outside the bound of at most 100,000"),
        (0.5, -0.000574713, "0.5 is outside the bound of at most -0.0005747"),
        (9999.6, 6100.0, "10,000 is outside the bound of at most 6,100"),
        (0.999995, 0.99999, "0.999995 is outside the bound of at most 0.99999"),
        (0.5, -0.0, "0.5 is outside the bound of at most 0"),
        (2.34567e-5, 1e-6, "2.346e-05 is outside the bound of at most 1e-06"),
    ],
)
def test_a_number_is_printed_the_same_way_everywhere(
    make: Make, estimate: float, bound: float, shown: str
) -> None:
    project = make(estimate=estimate)
    verdict(project, "performance", judge("performance/roc_auc", estimate, Bound("it", high=bound)))
    written, markup, page = report(project)
    assert written.reason == f"performance/roc_auc: {shown}"
    value, _, limit = shown.partition(" is outside the bound of ")
    assert f"| ROC AUC | {value} | 0.6 to 0.9 | {limit} |" in markup
    assert f"<b>{value}</b>" in page


def test_a_gain_names_its_metric(make: Make) -> None:
    project = make()
    gain = {"estimate": 0.25, "low": 0.2, "high": 0.3}
    measured = {"rows": 9, "metrics": {"gain over the majority class": gain}}
    (project.out / "evidence/performance/metrics.json").write_text(json.dumps(measured))
    _, markup, page = report(project)
    assert "| gain in ROC AUC over the majority class | 0.25 |" in markup
    assert "gain in ROC AUC over the majority class" in page


def test_on_a_narrow_screen_each_cell_of_a_metric_has_its_name(make: Make) -> None:
    _, _, page = report(make())
    table = page.split('<table class="numeric stack">')[1].split("</table>")[0]
    row = table.split("<tbody>")[1].split("</tr>")[0]
    cells = re.findall(r"<td ([^>]*)>", row)
    assert cells == [
        'class="name"',
        *(f'data-is="{head}"' for head in ("Estimate", "95 % interval", "Bound", "Rows")),
        'class="verdict"',
    ]
    narrow = page.split("@media (max-width: 40rem)")[1].split("@media")[0]
    assert ".stack thead { display: none }" in narrow
    assert "content: attr(data-is)" in narrow


def test_the_words_fit_a_merge_and_a_release(make: Make) -> None:
    _, markup, page = report(make())
    assert "may be released" not in (markup + page).lower()
    for heading in ("Feature importance (SHAP)", "Calibration"):
        assert f"<summary>{heading}</summary>" in markup
    for title in ("ROC curve", "Precision-recall curve", "Confusion matrix"):
        assert f"<b>{title}</b>" in page
    assert "Negative is no, positive yes." in page


def test_hostile_names_are_shown_as_text_only(make: Make) -> None:
    project = make(column=HOSTILE)
    verdict(project, "parity", Finding(f"parity/{HOSTILE}", Status.FAIL, HOSTILE))
    _, markup, page = report(project)
    for live in ("<script", "@everyone", "](http", "://", "www.", "`c`", "a|b", " #12", "**b**"):
        assert live not in markup
    assert "$z" not in markup
    assert "\u202e" not in markup
    assert "```mermaid" in markup
    tables = [line for line in markup.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} <= {4, 5, 6, 7}
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page


def test_a_page_loads_nothing(make: Make) -> None:
    _, _, page = report(make())
    assert not re.search(r"<(script|link|img|iframe|object|base)\b", page)
    assert not re.search(r"""(src|href)\s*=\s*["']?(?!["']?#)""", page)
    assert not re.search(r"@import|url\((?!#)", page)


def test_a_chart_is_valid_for_mermaid(make: Make) -> None:
    project = make()
    names = [f"a long column of the year {year}" for year in (2024, 2025)]
    names += ["x|y", "x<y", 'x"y', "x y 2", "|", "z" * 40]
    shares = [99.7, 1e-3, 4e-7, 0.0, 1e-12, 0.001, 0.002, 0.003]
    columns = [
        {"column": name, "importance": 1.0, "share": share / 100}
        for name, share in zip(names, shares, strict=True)
    ]
    path = project.out / "evidence/explanation/importance.json"
    path.write_text(json.dumps(columns))
    points = [{"score": 1e-9, "frequency": 1e-9} for _ in range(10)]
    (project.out / "evidence/performance/calibration.json").write_text(json.dumps(points))
    _, markup, _ = report(project)
    assert len(re.findall("```mermaid", markup)) == 2
    for series in re.findall(r"^    (?:bar|line) \[(.*)\]$", markup, re.MULTILINE):
        assert all(re.fullmatch(r"\d+\.\d+", value) for value in series.split(", "))
    for axis in re.findall(r"^    x-axis \[(.*)\]$", markup, re.MULTILINE):
        labels = re.findall(r'"([^"]*)"', axis)
        assert len(set(labels)) == len(labels) in (8, 10)
        assert max(map(len, labels)) <= 18
    assert '"a long c..ear 2024"' in markup


def test_measures_with_a_bound_come_first_and_the_rest_is_counted(
    make: Make,
) -> None:
    project = make("multiclass")
    names = [f"{kind} of {c}" for kind in ("selection_rate", "recall") for c in "abcdefgh"]
    held = ["recall of g", "recall of h"]
    groups = [
        {"group": f"sex={sex}", "rows": 50, "measures": {m: {"estimate": 0.5} for m in names}}
        for sex in "fm"
    ]
    between = {f"{name} difference": {"estimate": 0.1} for name in names}
    told = [{"columns": ["sex"], "groups": groups, "between": between}]
    (project.out / "evidence/fairness/groups.json").write_text(json.dumps(told))
    bound = Bound("params.yaml", high=0.2)
    found = [judge(f"fairness/sex/{name} difference", 0.1, bound) for name in held]
    verdict(project, "fairness", *found)
    _, markup, page = report(project)
    assert "| Group | Rows | recall of g | recall of h | selection rate of a |" in markup
    assert "\nand 10 more measures, in report.html\n" in markup
    assert "<th>Rows</th><th>recall of g</th><th>recall of h</th><th>selection rate of a" in page
    assert "<b>Recall of g</b>" in page
    assert "7 more measures without a plot" in page


@pytest.mark.parametrize("name", ["column", "|" * 200, "<&>" * 100])
def test_a_large_report_fits_into_a_comment(make: Make, name: str) -> None:
    project = make()
    found = [Finding(f"fairness/{name} {k}", Status.FAIL, name * 3) for k in range(900)]
    verdict(project, "fairness", *found)
    columns = [{"column": f"{name}{k}", "importance": 1.0, "share": 0.002} for k in range(500)]
    path = project.out / "evidence/explanation/importance.json"
    path.write_text(json.dumps(columns))
    written, markup, _ = report(project)
    assert len(markup) < 65_536
    assert len(written.not_passed) == 900
    assert "and 875 more" in markup or "Left out, because a comment has a limited length" in markup


def test_escape_does_not_change_ordinary_names() -> None:
    assert escape("PAY_0: 3.5 (a-b), c/d = 4") == "PAY_0: 3.5 (a-b), c/d = 4"
