"""The report is written in every state of a project, and starts with what does not pass."""

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
from sluice.contribution.compare import compare
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.markdown import escape
from sluice.project import Project
from sluice.report.record import read
from sluice.report.write import write
from sluice.verdict import Finding, Status
from support.contribution import every_setting
from support.reports import FAILS, HOSTILE, TOO_FEW, report, verdict

Make = Callable[..., Project]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_candidate_that_passes_every_gate_is_releasable(make: Make, task: str) -> None:
    written, markup, page = report(make(task))
    assert written.releasable
    assert markup.startswith("## ✅ toy passes every gate\n")
    assert "Passes every gate</h1>" in page
    assert "does not pass" not in markup
    assert "Does not pass" not in page
    drawn = {"binary": 7, "multiclass": 3, "regression": 3}
    assert page.count('<svg role="img" aria-label="') == drawn[task]


def test_what_does_not_pass_comes_first(make: Make) -> None:
    project = make()
    verdict(project, "fairness", TOO_FEW)
    verdict(project, "scenarios", FAILS, Finding("scenarios/else", Status.PASS, "fine"))
    written, markup, page = report(project)
    assert not written.releasable
    assert markup.startswith("## ❌ toy does not pass: scenarios, fairness\n")
    assert "**First reason:** scenarios/a loop: it scored -1\n" in markup
    table = re.findall(r"^\| (\S+) .*? \| (\S+) \|", markup, re.MULTILINE)
    assert [name for _, name in table[2:5]] == ["scenarios", "fairness", "data-quality"]
    assert page.index("it scored -1") < page.index("3 rows are too few") < page.index("as expected")


def accepting(markup: str) -> list[dict[str, object]]:
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```$", markup, re.MULTILINE | re.DOTALL)
    return parse_yaml(snippet.encode(), "params.yaml")["accept"]


def test_what_to_do_has_lines_for_params_yaml_with_the_whole_name(make: Make) -> None:
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
        assert "needs more rows" in text
        assert "Fix what interrupted the run" in text
    assert f"- finding: {html.escape(name)}\n" in page
    assert markup.endswith("report.html, on GitHub in the run's artifact `report`.\n")


def test_what_to_do_says_how_many_rows_of_data_a_holdout_row_takes(make: Make) -> None:
    project = make()
    verdict(project, "fairness", TOO_FEW)
    said = "The holdout is 25 % of the data: 100 more holdout rows take about 400 more rows of data"
    assert said not in report(project)[1]
    frame = pd.DataFrame({"x": range(100)})
    sizes = {"train": 50, "validation": 20, "holdout": 25, "latest": 5}
    project.split("train").parent.mkdir()
    for part, size in sizes.items():
        frame[:size].to_parquet(project.split(part))
    _, markup, page = report(project)
    assert said in markup
    assert said in page


def test_nothing_is_to_do_if_every_gate_passes(make: Make) -> None:
    _, markup, page = report(make())
    assert "What to do" not in markup + page
    assert "artifact `report`" in markup


@pytest.mark.parametrize("name", ["plain", "HOSTILE", "```\n# no", "'\"\\: \u00a0\u202ex", "🚰"])
def test_lines_for_params_yaml_hold_any_name_and_nothing_active(make: Make, name: str) -> None:
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
        {"finding": TOO_FEW.name, "reason": reason},
        {"finding": "fairness/sex=x/rows", "reason": "there is no such group"},
    ]
    project = make(accept=accept)
    verdict(project, "fairness", *gates.accept([TOO_FEW], project.settings.accept))
    written, markup, page = report(project)
    assert written.releasable
    assert "params.yaml accepts 1 finding with too little evidence" in markup
    assert reason in markup
    assert reason in page
    assert [item.finding for item in written.unneeded] == ["fairness/sex=x/rows"]
    assert "accepted, but no gate has" in markup
    assert "accepted, but no gate has" in page


def test_a_project_without_outputs_gets_a_report(make: Make) -> None:
    project = make()
    shutil.rmtree(project.out)
    written, markup, page = report(project)
    assert markup.startswith("## ❌ toy does not pass: data-quality")
    assert "The gate did not run" in markup
    assert "gates that did not complete: data-quality" in page
    assert written.selection is None


def test_candidates_of_an_earlier_run_are_not_shown(make: Make) -> None:
    project = make()
    for path in project.out.glob("verdicts/*"):
        path.unlink()
    written, markup, page = report(project)
    assert written.selection is None
    assert "Candidates" not in markup
    assert "No candidates" in page


def test_invalid_settings_are_the_first_reason(make: Make) -> None:
    project = make()
    (project.root / "params.yaml").write_text("name: 3\n")
    written, markup, page = report(Project(project.root))
    assert not written.releasable
    assert markup.startswith("## ❌ This candidate does not pass\n\n**First reason:** p")
    assert "params.yaml: name is 3" in page


def test_an_error_of_the_run_keeps_passing_gates_from_a_release(make: Make) -> None:
    project = make()
    written = write(project, gates.collect(project), trouble="the data cannot be read")
    assert not written.releasable
    assert written.reason == "the data cannot be read"


def test_a_stale_lock_is_a_warning_that_says_what_to_do(make: Make) -> None:
    project = make()
    verdicts = gates.collect(project)
    written = write(project, verdicts, stale_lock=True)
    assert written.releasable
    assert read(project.report / "report.json").stale_lock
    markup = (project.report / "report.md").read_text("utf-8")
    page = (project.report / "report.html").read_text("utf-8")
    assert markup.startswith("## ⚠️ ")
    assert '<header class="warn">' in page
    assert "passes every gate, but dvc.lock is stale\n" in markup
    assert "Passes every gate, but dvc.lock is stale</h1>" in page
    for text in (markup, page):
        assert "verdicts are valid, but dvc.lock does not match this commit: run " in text
    verdict(project, "scenarios", FAILS)
    write(project, gates.collect(project), stale_lock=True)
    assert (project.report / "report.md").read_text("utf-8").startswith("## ❌ ")


def test_a_loosened_bound_comes_first_in_the_heading(make: Make) -> None:
    """A change of params.yaml alone also makes the lock stale, which must not hide the change."""
    project, looser = make(), every_setting()
    looser["quality"]["duplicates"] = 0.9
    made = compare("main", every_setting(), looser, ["params.yaml"])
    write(project, gates.collect(project), stale_lock=True, contribution=made)
    markup = (project.report / "report.md").read_text("utf-8")
    said = "passes every gate, but loosens 1 setting of the gates and dvc.lock is stale\n"
    assert said in markup.splitlines(keepends=True)[0]
    write(project, gates.collect(project), contribution=made)
    markup = (project.report / "report.md").read_text("utf-8")
    assert markup.startswith("## ⚠️ ")
    assert "passes every gate, but loosens 1 setting of the gates\n" in markup
    verdict(project, "scenarios", FAILS)
    write(project, gates.collect(project), contribution=made)
    markup = (project.report / "report.md").read_text("utf-8")
    assert "does not pass and loosens 1 setting of the gates: scenarios\n" in markup


def test_no_gate_at_all_is_not_releasable(make: Make) -> None:
    assert not write(make(), []).releasable


@pytest.mark.parametrize("left", [None, "{", '[{"recall": NaN}]', '{"rows": "many"}', "\udcff"])
def test_missing_or_invalid_evidence_is_named(make: Make, left: str | None) -> None:
    project = make()
    for path in project.out.glob("evidence/*/*.json"):
        if left is None:
            path.unlink()
        else:
            path.write_bytes(left.encode("utf-8", "surrogateescape"))
    written, markup, page = report(project)
    for where in ("performance/roc", "performance/metrics", "fairness/groups", "explanation/rows"):
        assert any(f"out/evidence/{where}.json" in what for what in written.missing)
        assert where in markup
        assert where in page


@pytest.mark.parametrize("broken", [None, "ran", "verdict"])
def test_evidence_of_an_earlier_run_is_not_shown(make: Make, broken: str | None) -> None:
    project = make()
    project.verdict("performance").unlink()
    if broken:
        stopped = Finding(f"performance/{broken}", Status.INSUFFICIENT, "stopped half-way")
        verdict(project, "performance", stopped)
    written, markup, page = report(project)
    assert written.performance is None
    assert not written.curves.roc
    assert "### Metrics" not in markup
    assert "ROC curve" not in page
    assert "No metrics" in page


def test_the_same_results_give_the_same_bytes_in_any_folder(make: Make) -> None:
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


def test_report_json_has_no_infinite_numbers(make: Make) -> None:
    project = make()
    report(project)

    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    written = json.loads((project.report / "report.json").read_bytes(), parse_constant=refuse)
    assert written["releasable"] is True


def test_metrics_are_compared_with_an_earlier_report(make: Make) -> None:
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
def test_a_base_that_is_not_a_report_is_refused(make: Make, tmp_path: Path, content: str) -> None:
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
