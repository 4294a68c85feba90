"""Models that other runs of CI have judged on the same rows count, and only those."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command_line import CommandLine, InProcess
from support.fixture_project import Ran, Toy
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.server import serve

FILE = "out/attempts.json"
BUILD = ("package", "build", "--attempts", FILE)
OTHER_TABLE = "0123456789abcdef"


def others(number: int, table: str) -> list[str]:
    return [f"judged-{table}-{model:016x}" for model in range(number)]


def own_table(toy: Toy) -> str:
    lines = map(json.loads, toy.text("judged.jsonl").splitlines())
    return next(line["table"] for line in lines if line["kind"] == "model")


@contextmanager
def serving(*names: str) -> Iterator[dict[str, str]]:
    """GitHub with artifacts of these names; yields the variables with which sluice finds it."""
    github = FakeGitHub()
    github.earlier_artifacts = [
        {"id": number, "name": name, "size_in_bytes": 1, "expired": number % 2 == 0}
        for number, name in enumerate(names, 1000)
    ]
    server, url = serve(github)
    try:
        yield {
            "GITHUB_API_URL": url,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPOSITORY": "octo/shop",
        }
    finally:
        server.shutdown()
        server.server_close()


def fetched(toy: Toy, in_process: InProcess, *names: str) -> Ran:
    with serving(*names) as environment:
        return in_process(toy, "attempts", "fetch", **environment)


def test_a_model_that_passes_only_as_the_first_one_is_refused(
    toy: Toy, in_process: InProcess
) -> None:
    """The model's AUC is within bounds, but not with the interval for the last of 30 models."""
    found = toy.findings("performance")["performance/roc_auc"]
    below = found["estimate"] - 1.3 * (found["estimate"] - found["interval"][0])
    with toy.params() as params:
        params["performance"]["bounds"] = {"roc_auc": {"low": round(below, 4)}}
    fetched(toy, in_process, "report", *others(30, own_table(toy))).went_well()
    ran = toy.sluice(*BUILD)
    assert ran.status == 1, ran.said
    assert toy.verdict("performance")["status"] == "pass"
    verdict = toy.json("out/attempts/verdict.json")
    findings = {each["name"]: each for each in verdict["findings"]}
    refused = findings["attempts/performance/roc_auc"]
    assert refused["status"] == "insufficient"
    assert "the interval crosses the bound" in refused["why"]
    counted = findings["attempts/performance/models judged on this holdout"]
    assert (counted["status"], counted["estimate"]) == ("pass", 31)
    assert "(30 only in other runs of CI)" in counted["why"]
    assert not toy.report()["releasable"]
    assert "does not pass: attempts\n" in toy.text("out/report/report.md")
    assert not toy.packages

    # Without these models, or if all were judged on other rows that judged.jsonl knows, the model
    # passes.
    known = json.dumps({"kind": "table", "table": OTHER_TABLE, "rows": 128, "noted": ["00000001"]})
    with (toy.root / "judged.jsonl").open("a", encoding="utf-8") as ledger:
        ledger.write(known.replace(", ", ",").replace(": ", ":") + "\n")
    fetched(toy, in_process, *others(30, OTHER_TABLE)).went_well()
    ran = toy.sluice(*BUILD)
    assert ran.status == 0, ran.said
    assert "(0 only in other runs of CI)" in toy.text("out/attempts/verdict.json")
    ran = in_process(toy, "attempts", "name", "out/report/report.json").went_well()
    assert ran.out.startswith(f"judged-{own_table(toy)}-")


def test_names_that_no_run_gives_are_left_out_and_unknown_tables_count(
    toy: Toy, in_process: InProcess
) -> None:
    strange = ["judged-", "judged-x-y", "judged-" + "0" * 16, f"judged-{'g' * 16}-{'0' * 16}"]
    strange += [f"judged-{OTHER_TABLE}-{'0' * 16}\n::set-output name=x::y", "../../judged-0"]
    ran = fetched(toy, in_process, *strange, *others(250, OTHER_TABLE))
    assert ran.status == 0, ran.said
    assert ran.out.startswith("250 models were judged in runs of CI")
    ran = toy.sluice(*BUILD)
    assert ran.status == 1, ran.said
    findings = {each["name"]: each for each in toy.json("out/attempts/verdict.json")["findings"]}
    used = findings["attempts/performance/models judged on this holdout"]
    assert (used["status"], used["estimate"]) == ("insufficient", 251)
    assert "add new rows until most of the holdout is new" in used["why"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"judged": [1]}', b'{"judged": [], "more": 1}', b"\xff"]
)
def test_a_damaged_list_is_refused(toy: Toy, in_process: InProcess, content: bytes) -> None:
    (toy.root / FILE).write_bytes(content)
    ran = in_process(toy, *BUILD)
    assert ran.status == 2
    assert FILE in ran.err
    assert "run 'sluice attempts fetch' again" in ran.err


def test_a_missing_list_is_refused_and_a_failed_request_leaves_none(
    toy: Toy, in_process: InProcess
) -> None:
    (toy.root / FILE).write_text('{"judged": []}')
    with serving() as environment:
        refused = in_process(toy, "attempts", "fetch", **environment | {"GITHUB_TOKEN": "wrong"})
    assert refused.status == 2
    assert "GitHub answered 401" in refused.err
    ran = in_process(toy, *BUILD)
    assert ran.status == 2
    assert FILE in ran.err


def test_only_a_report_gives_a_name(command_line: CommandLine, tmp_path: Path) -> None:
    report, outputs = tmp_path / "report.json", tmp_path / "outputs"

    def name(content: str) -> Ran:
        report.write_text(content, "utf-8")
        arguments = ("attempts", "name", str(report), "--outputs", str(outputs))
        return command_line.run(tmp_path, *arguments)

    assert name('{"releasable": false}').out == "judged-none\n"
    assert outputs.read_text() == "name=judged-none\n"
    for model in ("x\\nPATH=/evil", "../../etc", "", "0" * 17):
        judged = {"kind": "model", "model": model, "table": "0" * 16}
        ran = name(json.dumps({"judged": judged}))
        assert ran.status == 2, ran.said
        assert "does not name a model" in ran.err
    assert name("{").status == 2
    assert outputs.read_text() == "name=judged-none\n"
