"""Check that the data is what params.yaml says it is, with great-expectations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from sluice import files, table
from sluice.check import entities, leakage, near_duplicates
from sluice.check.data_quality_page import write_page
from sluice.check.expectations import ask, from_data, name_of, of_table, of_usecase
from sluice.check.leakage import Leak
from sluice.check.suspicion import judge_suspicion
from sluice.config import Settings
from sluice.confined.run import run as run_confined
from sluice.project import Project
from sluice.verdict import Bound, Finding, judge

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation
    from pandas import DataFrame, Series


def measure(project: Project) -> list[Finding]:
    settings = project.settings
    # Written before the import, because great-expectations reads it then.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    frame = prepare(table.read_raw(project.data, settings.columns), settings)
    extra = _declared(project)
    asked = [*of_table(project, frame), *of_usecase(extra)]
    findings = ask(frame, asked, settings.data.id)
    if settings.data.target in frame:
        findings += measured(frame, project)
        known = {name: column for name, column in settings.columns.items() if name in frame}
        typed = table.typed(frame, known, strict=False)
        findings += entities.findings(typed, settings)
        if all(name in typed for name in settings.features):
            findings.append(near_duplicates.finding(typed, project))
    write_page(project.evidence("data-quality") / "index.html", settings, frame, findings)
    return findings


def _declared(project: Project) -> list[Expectation]:
    """The expectations of the use case, from a confined process; `declared.json` says so."""
    with run_confined(project.root, "expectations") as results:
        found = results.json("expectations.json", list[dict[str, Any]])
    expectations = from_data(found, project.settings.columns)
    names = [name_of(expectation) for expectation in expectations]
    record = {"confined": results.confined, "names": names, "declared": found}
    files.write_json(project.evidence("data-quality") / "declared.json", record)
    return expectations


def prepare(frame: DataFrame, settings: Settings) -> DataFrame:
    """Categories as labels, and whole numbers that pandas widened for a missing value as Int64."""
    made = frame.copy()
    for name, column in settings.columns.items():
        if name not in frame:
            continue
        if column.type == "category":
            texts = table.levels(frame[name], column)
            made[name] = texts.where(texts != "", None)
        elif column.type == "integer" and _widened(frame[name]):
            made[name] = frame[name].astype("Int64")
    return made


def _widened(column: Series) -> bool:
    if column.dtype.kind != "f":
        return False
    known = column.dropna()
    return bool(np.isfinite(known).all() and (known == known.round()).all())


def measured(frame: DataFrame, project: Project) -> list[Finding]:
    """What cannot be checked value by value: repeats, class balance, leakage."""
    settings = project.settings
    quality = settings.quality
    own = [name for name in settings.columns if name in frame and name != settings.data.id]
    repeats = float(frame.duplicated(own).mean())
    most = Bound(project.source("quality", "duplicates"), high=quality.duplicates)
    findings = [judge("data-quality/duplicated rows", repeats, most, n=len(frame))]
    if settings.task == "regression":
        values = float(frame[settings.data.target].nunique())
        least = Bound("a constant target cannot be learned", low=2.0)
        findings.append(judge("data-quality/target/distinct values", values, least, n=len(frame)))
    else:
        target = frame[settings.data.target]
        least = Bound(project.source("quality", "class_share"), low=quality.class_share)
        findings += [
            judge(f"data-quality/share of class {name}", float((target == name).mean()), least)
            for name in settings.classes
        ]
    return findings + _leaks(frame, settings)


def _leaks(frame: DataFrame, settings: Settings) -> list[Finding]:
    target = settings.data.target
    columns = {n: settings.columns[n] for n in (*settings.features, target) if n in frame}
    usable = frame.dropna(subset=[target])
    if settings.task != "regression":
        usable = usable[usable[target].isin(settings.classes)]
    values = table.typed(usable, columns, strict=False)
    rows = min(len(values), leakage.ROWS)
    return [_leak(leak, settings, rows) for leak in leakage.measure(values, settings)]


_LEAK_NAMES = {
    "leakage": "leakage",
    "missing_leakage": "leakage by missing values",
    "combined_leakage": "leakage together",
}


def _leak(leak: Leak, settings: Settings, n: int) -> Finding:
    columns = " and ".join(map(repr, leak.columns))
    told = f"{columns} alone" if leak.bound == "leakage" else repr(leak.text)
    if leak.bound == "missing_leakage":
        told = f"whether {columns} is missing"
    ignore = f"set 'use: ignored' for {columns} in params.yaml"
    found = judge_suspicion(
        f"data-quality/{leak.text}/{_LEAK_NAMES[leak.bound]}",
        leak.strength,
        Bound(f"params.yaml: quality.{leak.bound}", high=leak.limit(settings)),
        n=n,
        copy=f"{told} determines the target, so there is nothing left to predict; {ignore}",
        suspected=(
            f"{told} explains so much of the target that it may be a leak; {ignore}, commit it, "
            "and run 'sluice adopt --again'. If it is known when the model predicts, accept this "
            "finding by name, with the reason"
        ),
    )
    return replace(found, why=f"{found.why}; {leak.limited}") if leak.limited else found
