"""The report is written in every state of a project, and says first what stops it."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sluice import gates
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.markdown import escape
from sluice.project import Project
from sluice.report.record import Report, read
from sluice.report.write import write
from sluice.verdict import Bound, Finding, Status, Verdict, judge

Make = Callable[..., Project]

SHORT = Finding("fairness/sex=f/rows", Status.INSUFFICIENT, "3 rows are too few", n=3)
FAILS = Finding("scenarios/a loop", Status.FAIL, "it scored -1")


def verdict(project: Project, name: str, *findings: Finding) -> None:
    Verdict.of(name, list(findings)).write(project.verdict(name))


def report(project: Project, base: Path | None = None) -> tuple[Report, str, str]:
    facts = write(project, gates.collect(project), base=base)
    markup, page = (project.report / name for name in ("report.md", "report.html"))
    return facts, markup.read_text("utf-8"), page.read_text("utf-8")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_candidate_that_passes_every_gate_may_be_released(make: Make, task: str) -> None:
    facts, markup, page = report(make(task))
    assert facts.releasable
    assert markup.startswith("## ✅ toy passes every gate\n")
    assert "Passes every gate</h1>" in page
    assert "does not pass" not in markup
    assert "Does not pass" not in page
    drawn = {"binary": 7, "multiclass": 3, "regression": 3}
    assert page.count('<svg role="img" aria-label="') == drawn[task]


def test_what_stops_it_comes_first(make: Make) -> None:
    project = make()
    verdict(project, "fairness", SHORT)
    verdict(project, "scenarios", FAILS, Finding("scenarios/else", Status.PASS, "fine"))
    facts, markup, page = report(project)
    assert not facts.releasable
    assert markup.startswith("## ❌ toy does not pass: scenarios, fairness\n")
    assert "**The first reason:** scenarios/a loop: it scored -1\n" in markup
    table = re.findall(r"^\| (\S+) .*? \| (\S+) \|", markup, re.MULTILINE)
    assert [name for _, name in table[2:5]] == ["scenarios", "fairness", "data-quality"]
    assert page.index("it scored -1") < page.index("3 rows are too few") < page.index("as expected")


def accepting(markup: str) -> list[dict[str, object]]:
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```$", markup, re.MULTILINE | re.DOTALL)
    return parse_yaml(snippet.encode(), "params.yaml")["accept"]


def test_what_to_do_has_the_lines_that_accept_by_the_whole_name(make: Make) -> None:
    project = make()
    name = f"fairness/{' & '.join(f'column {k}=a long value' for k in range(9))}/rows"
    verdict(project, "fairness", Finding(name, Status.INSUFFICIENT, "3 rows are too few", n=3))
    verdict(project, "scenarios", FAILS)
    verdict(project, "parity", Finding("parity/ran", Status.INSUFFICIENT, "it broke off"))
    _, markup, page = report(project)
    assert accepting(markup) == [{"finding": name, "reason": None}]
    assert f"**{escape(name)}**" in markup
    for text in (markup, page):
        assert "cannot be accepted" in text
        assert "more rows settle it" in text
        assert "Mend what stopped the run half-way" in text
    assert f"- finding: {html.escape(name)}\n" in page
    assert markup.endswith("report.html, on GitHub in the run's artifact `report`.\n")


def test_what_to_do_says_how_many_rows_of_data_a_holdout_row_takes(make: Make) -> None:
    project = make()
    verdict(project, "fairness", SHORT)
    said = "25 % is the holdout: 100 more holdout rows take about 400 more rows of data"
    assert said not in report(project)[1]
    frame = pd.DataFrame({"x": range(100)})
    sizes = {"train": 50, "validation": 20, "holdout": 25, "latest": 5}
    project.split("train").parent.mkdir()
    for part, size in sizes.items():
        frame[:size].to_parquet(project.split(part))
    _, markup, page = report(project)
    assert said in markup
    assert said in page


def test_nothing_is_to_do_where_every_gate_passes(make: Make) -> None:
    _, markup, page = report(make())
    assert "What to do" not in markup + page
    assert "artifact `report`" in markup


@pytest.mark.parametrize("name", ["plain", "HOSTILE", "```\n# no", "'\"\\: \u00a0\u202ex", "🚰"])
def test_lines_that_accept_say_the_name_and_nothing_else(make: Make, name: str) -> None:
    project = make()
    name = f"parity/{HOSTILE if name == 'HOSTILE' else name}"
    verdict(project, "parity", Finding(name, Status.INSUFFICIENT, "too few"))
    _, markup, page = report(project)
    assert accepting(markup) == [{"finding": name, "reason": None}]
    for live in ("<script", "@everyone", "](http", "://", "www.", "\u202e", "**b**"):
        assert live not in markup
    assert "<script" not in page


def test_an_accepted_finding_is_shown_with_its_reason(make: Make) -> None:
    reason = "checked by hand in May"
    accept = [
        {"finding": SHORT.name, "reason": reason},
        {"finding": "fairness/sex=x/rows", "reason": "there is no such group"},
    ]
    project = make(accept=accept)
    verdict(project, "fairness", *gates.accept([SHORT], project.settings.accept))
    facts, markup, page = report(project)
    assert facts.releasable
    assert "1 finding that falls short is accepted" in markup
    assert reason in markup
    assert reason in page
    assert [item.finding for item in facts.unneeded] == ["fairness/sex=x/rows"]
    assert "accepted, but not needed" in markup
    assert "accepted, but not needed" in page


def test_a_project_without_outputs_still_gets_its_report(make: Make) -> None:
    project = make()
    shutil.rmtree(project.out)
    facts, markup, page = report(project)
    assert markup.startswith("## ❌ toy does not pass: data-quality")
    assert "The gate did not run" in markup
    assert "gates that did not run to their end: data-quality" in page
    assert facts.selection is None


def test_candidates_of_an_earlier_run_are_not_shown(make: Make) -> None:
    project = make()
    for path in project.out.glob("verdicts/*"):
        path.unlink()
    facts, markup, page = report(project)
    assert facts.selection is None
    assert "Candidates" not in markup
    assert "No candidates" in page


def test_broken_settings_are_the_first_reason(make: Make) -> None:
    project = make()
    (project.root / "params.yaml").write_text("name: 3\n")
    facts, markup, page = report(Project(project.root))
    assert not facts.releasable
    assert markup.startswith("## ❌ This candidate does not pass\n\n**The first reason:** p")
    assert "params.yaml: name is 3" in page


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
def test_a_number_is_printed_in_one_way(
    make: Make, estimate: float, bound: float, shown: str
) -> None:
    project = make(estimate=estimate)
    verdict(project, "performance", judge("performance/roc_auc", estimate, Bound("it", high=bound)))
    facts, markup, page = report(project)
    assert facts.reason == f"performance/roc_auc: {shown}"
    value, _, limit = shown.partition(" is outside the bound of ")
    assert f"| ROC AUC | {value} | 0.6 to 0.9 | {limit} |" in markup
    assert f"<b>{value}</b>" in page


def test_a_gain_says_of_which_metric(make: Make) -> None:
    project = make()
    gain = {"estimate": 0.25, "low": 0.2, "high": 0.3}
    measured = {"rows": 9, "metrics": {"gain over the majority class": gain}}
    (project.out / "evidence/performance/metrics.json").write_text(json.dumps(measured))
    _, markup, page = report(project)
    assert "| gain in ROC AUC over the majority class | 0.25 |" in markup
    assert "gain in ROC AUC over the majority class" in page


def test_on_a_phone_each_number_is_a_block_that_names_its_cells(make: Make) -> None:
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


def test_words_hold_for_a_merge_and_a_release_and_are_those_of_the_field(make: Make) -> None:
    _, markup, page = report(make())
    assert "may be released" not in (markup + page).lower()
    for heading in ("Feature importance (SHAP)", "Calibration"):
        assert f"<summary>{heading}</summary>" in markup
    for title in ("ROC curve", "Precision-recall curve", "Confusion matrix"):
        assert f"<b>{title}</b>" in page
    assert "Negative is no, positive yes." in page


def test_trouble_holds_back_what_every_gate_lets_through(make: Make) -> None:
    project = make()
    facts = write(project, gates.collect(project), trouble="the data cannot be read")
    assert not facts.releasable
    assert facts.reason == "the data cannot be read"


def test_a_stale_lock_takes_the_green_and_says_what_to_do(make: Make) -> None:
    project = make()
    verdicts = gates.collect(project)
    facts = write(project, verdicts, stale_lock=True)
    assert facts.releasable
    assert read(project.report / "report.json").stale_lock
    markup = (project.report / "report.md").read_text("utf-8")
    page = (project.report / "report.html").read_text("utf-8")
    assert markup.startswith("## ⚠️ ")
    assert '<header class="half">' in page
    assert "passes every gate, but dvc.lock is stale\n" in markup
    assert "Passes every gate, but dvc.lock is stale</h1>" in page
    for text in (markup, page):
        assert "verdict stands, but dvc.lock is not what this commit gives: run " in text
    verdict(project, "scenarios", FAILS)
    write(project, gates.collect(project), stale_lock=True)
    assert (project.report / "report.md").read_text("utf-8").startswith("## ❌ ")


def test_no_gate_at_all_is_no_release(make: Make) -> None:
    assert not write(make(), []).releasable


@pytest.mark.parametrize("left", [None, "{", '[{"recall": NaN}]', '{"rows": "many"}', "\udcff"])
def test_evidence_that_is_absent_or_broken_is_named(make: Make, left: str | None) -> None:
    project = make()
    for path in project.out.glob("evidence/*/*.json"):
        if left is None:
            path.unlink()
        else:
            path.write_bytes(left.encode("utf-8", "surrogateescape"))
    facts, markup, page = report(project)
    for where in ("performance/roc", "performance/metrics", "fairness/groups", "explanation/rows"):
        assert any(f"out/evidence/{where}.json" in what for what in facts.missing)
        assert where in markup
        assert where in page


@pytest.mark.parametrize("broken", [None, "ran", "verdict"])
def test_evidence_of_an_earlier_run_is_not_shown(make: Make, broken: str | None) -> None:
    project = make()
    project.verdict("performance").unlink()
    if broken:
        stopped = Finding(f"performance/{broken}", Status.INSUFFICIENT, "stopped half-way")
        verdict(project, "performance", stopped)
    facts, markup, page = report(project)
    assert facts.performance is None
    assert not facts.curves.roc
    assert "### Numbers" not in markup
    assert "ROC curve" not in page
    assert "No numbers" in page


def test_the_same_facts_are_the_same_bytes_anywhere(make: Make) -> None:
    for where in ("one", "two/deeper"):
        report(make(where=where))
        root = make(where=where).root
        (root / "out/verdicts/parity.json").write_text("{")
        report(Project(root))
    root = make(where="one").root.parent
    one, two = root / "one/out/report", root / "two/deeper/out/report"
    assert sorted(path.name for path in one.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
    ]
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
        assert str(root).encode() not in path.read_bytes()


def test_json_is_strict(make: Make) -> None:
    project = make()
    report(project)

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    facts = json.loads((project.report / "report.json").read_bytes(), parse_constant=refuse)
    assert facts["releasable"] is True


def test_numbers_are_compared_with_the_base(make: Make) -> None:
    base = make(where="base", estimate=0.7)
    report(base)
    _, markup, page = report(make(), base.report / "report.json")
    assert "| 0.7 | +0.1 (better) |" in markup
    assert "+0.1 (better)" in page
    report(make("regression", where="base", estimate=0.7))
    _, markup, _ = report(make("regression"), base.report / "report.json")
    assert "+0.1 (worse)" in markup


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"name": "toy"}', "[" * 50_000, '{"releasable": true}', "forged"]
)
def test_a_base_that_is_no_report_is_refused(make: Make, tmp_path: Path, content: str) -> None:
    project, base = make(), tmp_path / "base.json"
    if content == "forged":
        write(project, [])
        forged = (project.report / "report.json").read_text().replace("false", "true", 1)
        base.write_text(forged)
    elif content is not None:
        base.write_text(content)
    with pytest.raises(SluiceError, match=re.escape(str(base))):
        report(project, base)
    assert "## ✅ toy" in (project.report / "report.md").read_text("utf-8")


HOSTILE = (
    "a|b`c`<script>alert(1)</script>\n@everyone [x](http://x.y) www.x.y #12 $z$ _i_ **b** \u202e"
)


def test_hostile_names_stay_text(make: Make) -> None:
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


def test_a_chart_is_one_that_mermaid_draws(make: Make) -> None:
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


def test_measures_of_groups_that_a_bound_holds_come_first_and_the_rest_is_counted(
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
    assert "\nand 10 measures more, in report.html\n" in markup
    assert "<th>Rows</th><th>recall of g</th><th>recall of h</th><th>selection rate of a" in page
    assert "<b>Recall of g</b>" in page
    assert "7 more measures are not drawn" in page


@pytest.mark.parametrize("name", ["column", "|" * 200, "<&>" * 100])
def test_a_large_report_fits_into_a_comment(make: Make, name: str) -> None:
    project = make()
    found = [Finding(f"fairness/{name} {k}", Status.FAIL, name * 3) for k in range(900)]
    verdict(project, "fairness", *found)
    columns = [{"column": f"{name}{k}", "importance": 1.0, "share": 0.002} for k in range(500)]
    path = project.out / "evidence/explanation/importance.json"
    path.write_text(json.dumps(columns))
    facts, markup, _ = report(project)
    assert len(markup) < 65_536
    assert len(facts.refused) == 900
    assert "and 875 more" in markup or "Left out, to fit into a comment" in markup


def test_escape_keeps_ordinary_names_as_they_are() -> None:
    assert escape("PAY_0: 3.5 (a-b), c/d = 4") == "PAY_0: 3.5 (a-b), c/d = 4"
