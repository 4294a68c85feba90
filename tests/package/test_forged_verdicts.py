"""Verdicts that do not follow from their numbers or from params.yaml are refused in a package."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pandas import DataFrame

from sluice import expected, gates
from sluice.check.groups import groupings
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.verdict import Bound, Finding, Status, Verdict, judge
from support.command_line import CommandLine
from support.fixture_project import Ran, Toy, params
from support.package_parts import Package

Findings = dict[str, dict[str, Any]]
Forge = Callable[[Findings], None]
AUC, RIVAL = "performance/roc_auc", "performance/gain over the majority class"
SIDE = "fairness/side/selection_rate difference"


def _set(name: str, **values: Any) -> Forge:
    return lambda findings: findings[name].update(values)


def _loosen(name: str, end: str, value: float) -> Forge:
    return lambda findings: findings[name]["bound"].update({end: value})


def _drop(name: str) -> Forge:
    return lambda findings: findings.pop(name) and None


def _without(name: str, key: str) -> Forge:
    return lambda findings: findings[name].pop(key) and None


def _beside(name: str) -> Forge:
    def add(findings: Findings) -> None:
        findings[name] = {"name": name, "status": "pass", "why": "it is fine"}

    return add


def _renamed(findings: Findings) -> None:
    findings[AUC]["name"] = "performance/accuracy"


def _accepted(findings: Findings) -> None:
    said = {"status": "insufficient", "accepted": "it is known and it is fine", "estimate": 0.1}
    findings[AUC].update(said)


FORGED: dict[str, tuple[str, Forge, str]] = {
    "an estimate outside its bound": (
        "performance",
        _set(AUC, estimate=0.1),
        "says 'pass', but 0.1 is outside the bound of at least 0.75",
    ),
    "an interval across its bound": (
        "performance",
        _set(AUC, interval=[0.5, 0.99]),
        "the interval crosses the bound of at least 0.75",
    ),
    "an interval upside down": (
        "performance",
        _set(AUC, interval=[0.99, 0.8]),
        "interval is not valid",
    ),
    "no estimate": ("performance", _without(AUC, "estimate"), "no estimate to compare with"),
    "no interval": ("performance", _without(AUC, "interval"), "has no interval"),
    "no bound": ("performance", _without(AUC, "bound"), "the bound of 'performance/roc_auc'"),
    "another bound": (
        "performance",
        _loosen(AUC, "low", 0.1),
        "is at least 0.1, but params.yaml requires at least 0.75",
    ),
    "another source of a bound": (
        "performance",
        lambda f: f[AUC]["bound"].update(source="a person"),
        "the bound of 'performance/roc_auc'",
    ),
    "a finding is missing": ("performance", _drop(AUC), "'performance/roc_auc' is missing"),
    "a baseline is missing": ("performance", _drop(RIVAL), "majority class' is missing"),
    "a finding beside": ("performance", _beside("performance/mood"), "does not require"),
    "another metric": ("performance", _renamed, "'performance/roc_auc' is missing"),
    "a fail that is accepted": ("performance", _accepted, "params.yaml does not accept"),
    "a fairness finding is missing": ("fairness", _drop(SIDE), f"'{SIDE}' is missing"),
    "a fairness estimate": ("fairness", _set(SIDE, estimate=0.9), "0.9 is outside the bound"),
    "too few rows that pass": (
        "fairness",
        _beside("fairness/side=left/rows"),
        "'fairness/side=left/rows' cannot pass",
    ),
    "a leak that passes": (
        "data-quality",
        _set("data-quality/weight/leakage", estimate=0.97),
        "0.97 is outside the bound",
    ),
    "a looser leak": (
        "data-quality",
        _loosen("data-quality/weight/leakage", "high", 1.0),
        "but params.yaml requires at most 0.9",
    ),
    "a column is not checked": (
        "data-quality",
        _drop("data-quality/weight/range"),
        "'data-quality/weight/range' is missing",
    ),
    "parity": (
        "parity",
        _set("parity/holdout/difference", estimate=0.2),
        "0.2 is outside the bound",
    ),
    "the inputs were not looked at": ("explanation", _drop("explanation/inputs"), "is missing"),
    "a proxy of a column that is no input": (
        "explanation",
        _beside("explanation/proxy of side/nothing"),
        "does not require",
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_verdict_is_refused(
    package: Package, command_line: CommandLine, tmp_path: Path, forged: str
) -> None:
    gate, change, why = FORGED[forged]
    forge(package, gate, change)
    ran = _verify(package, command_line, tmp_path)
    assert ran.status == 2, ran.said
    assert why in ran.line
    assert ran.out == ""


def test_settings_that_require_other_findings_are_refused(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    """The verdicts are genuine, but the params.yaml in the package is different."""
    name = "configuration/params.yaml"
    real = package.contents[name]
    settings = json.loads(real)
    for change, why in (
        ({"performance": settings["performance"] | {"bounds": {"f1": {"low": 0.3}}}}, "f1"),
        ({"fairness": settings["fairness"] | {"bounds": {}}}, "empty"),
        ({"name": "another"}, "names the project 'another'"),
        (None, "params.yaml: expected keys and values"),
    ):
        text = b"" if change is None else json.dumps(settings | change).encode()
        package.contents[name] = text
        ran = _verify(package, command_line, tmp_path)
        assert ran.status == 2, ran.said
        assert why in ran.line


def test_a_report_of_another_run_is_refused(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    name = "reports/report.json"
    package.contents[name] = package.contents[name].replace(b"within bounds", b"within reach", 1)
    ran = _verify(package, command_line, tmp_path)
    assert ran.status == 2
    assert "the report and the verdicts are not from the same run" in ran.line


def test_scenarios_that_every_package_has_cannot_be_left_out(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    path = "scenarios/scenarios.json"
    book = json.loads(package.contents[path])
    real = package.contents
    for kept in ("invariance", "recorded"):
        package.contents = dict(real)
        rest = [one for one in book["scenarios"] if one["kind"] == kept]
        package.contents[path] = json.dumps(book | {"scenarios": rest}).encode()
        names = {f"scenarios/{one['name']}" for one in rest}
        drop = [name for name in _findings(package, "scenarios") if name not in names]
        forge(package, "scenarios", lambda found, drop=drop: [found.pop(name) for name in drop])
        ran = _verify(package, command_line, tmp_path)
        assert ran.status == 2
        assert "is missing or was changed" in ran.line


def test_code_that_did_not_run_the_gates_is_refused(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    package.contents["code/sluice/verdict.py"] += b"\n# replaced\n"
    ran = _verify(package, command_line, tmp_path)
    assert ran.status == 2
    assert "code/sluice is not the code that ran the gates according to manifest.json" in ran.line


def test_a_package_of_another_version_says_that_less_was_compared(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    """Packages of earlier versions stay readable, and are checked against their own numbers."""
    package.manifest = msgspec.structs.replace(package.manifest, sluice="")
    assert b'"sluice"' not in package.seal()[:3_000]
    ran = _verify(package, command_line, tmp_path)
    assert ran.status == 0, ran.said
    assert "another version of sluice built this package" in ran.out
    forge(package, "performance", _set(AUC, estimate=0.1))
    assert "0.1 is outside the bound" in _verify(package, command_line, tmp_path).line


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_gates_give_the_findings_that_params_asks_for(
    built: Callable[[str], Toy], task: str
) -> None:
    project = Project(built(task).root)
    for gate in expected._OF_GATE:
        expected.require(gates.read(project, gate), project.settings, "here")


def test_columns_that_are_one_attribute_give_one_name_for_all() -> None:
    """The groups have the names that the gate itself gives them."""
    said = params("binary")
    for name in ("a", "b"):
        said["columns"][name] = {"type": "integer", "low": 0, "high": 1}
        said["data"]["sensitive"][name] = {}
    said["data"]["attributes"] = {"a or b": {"a": 1, "b": 1}}
    settings = Settings.model_validate(said)
    frame = DataFrame({"a": [0.0, 1.0, 0.0], "b": [1.0, 0.0, 0.0], "born": [1960.0] * 3})
    formed = groupings(frame.assign(side=["left", "right", "left"]), settings)
    asked = {name.split("/")[1] for name in expected._fairness(settings).named}
    assert asked == {grouping.title for grouping in formed}


def test_a_pass_that_its_numbers_contradict_is_refused() -> None:
    """The status from `judge` is accepted; a status that is better than its numbers is not."""
    low = Bound("test", low=0.5)
    for estimate, interval in ((0.4, None), (0.6, (0.4, 0.7)), (0.6, (0.55, 0.7)), (0.6, None)):
        honest = judge("it", estimate, low, interval=interval)
        _read(honest)
        if honest.status is not Status.PASS:
            with pytest.raises(SluiceError, match="says 'pass', but"):
                _read(msgspec.structs.replace(honest, status=Status.PASS))


def _read(finding: Finding) -> Verdict:
    content = msgspec.json.encode(Verdict.of("it", [finding]))
    return Verdict.read(content, "it")


def forge(package: Package, gate: str, change: Forge) -> None:
    """Change the findings of a verdict, by their names, in the verdict and in the report."""
    findings = _findings(package, gate)
    change(findings)
    made = [msgspec.convert(each, Finding) for each in findings.values()]
    verdict = Verdict.of(gate, made)
    package.contents[f"reports/verdicts/{gate}.json"] = msgspec.json.encode(verdict)
    report = json.loads(package.contents["reports/report.json"])
    report["gates"] = [
        msgspec.to_builtins(verdict) if each["gate"] == gate else each for each in report["gates"]
    ]
    package.contents["reports/report.json"] = json.dumps(report).encode()


def _findings(package: Package, gate: str) -> Findings:
    verdict = json.loads(package.contents[f"reports/verdicts/{gate}.json"])
    return {each["name"]: each for each in verdict["findings"]}


def _verify(package: Package, command_line: CommandLine, folder: Path) -> Ran:
    (folder / "package.tar").write_bytes(package.seal())
    ran = command_line.run(folder, "package", "verify", "package.tar")
    assert "Traceback" not in ran.said
    assert not re.search("unexpected", ran.line)
    return ran
