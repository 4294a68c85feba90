"""Check that the data is what params.yaml says it is, with great-expectations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from sluice import files, table
from sluice.check import by_column, entities, leakage, many_rows, near_duplicates
from sluice.check.data_quality_page import write_page
from sluice.check.expectations import (
    Asked,
    ask,
    from_data,
    name_of,
    of_column,
    of_columns,
    of_rows,
    of_usecase,
)
from sluice.check.leakage import Leak
from sluice.check.prepared import prepare
from sluice.check.suspicion import judge_suspicion
from sluice.config import OF_PAIRS, Settings
from sluice.confined.run import run as run_confined
from sluice.project import Project
from sluice.raw_table import RawTable
from sluice.stats import chosen, encoded, one_class
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation
    from pandas import DataFrame, Series


def measure(project: Project) -> list[Finding]:
    """The findings of the gate; also writes them as a page for the report."""
    settings = project.settings
    # Set before the import, because great-expectations reads the variable then.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    raw = RawTable.of(project.data, settings.columns)
    usecase = of_usecase(_declared(project))
    if raw.large:
        findings = _of_large(project, raw, usecase)
        rows, columns = raw.rows or 0, len(raw.names)
    else:
        frame = prepare(raw.whole(), settings)
        findings = _of_whole(project, frame, usecase)
        rows, columns = frame.shape
    page = project.evidence("data-quality") / "index.html"
    write_page(page, settings, rows, columns, findings)
    return findings


def _of_whole(project: Project, frame: DataFrame, usecase: list[Asked]) -> list[Finding]:
    """The findings on a prepared table in memory."""
    settings = project.settings
    asked = [of_columns(project), of_rows(project)]
    asked += [item for n in settings.columns if n in frame for item in of_column(project, frame[n])]
    findings = ask(frame, [*asked, *usecase], settings.data.id)
    if settings.data.target not in frame:
        return findings
    known = {name: column for name, column in settings.columns.items() if name in frame}
    own = [name for name in known if name != settings.data.id]
    repeats = float(frame.duplicated(own).mean())
    findings += measured(frame[settings.data.target], repeats, frame, project)
    typed = table.typed(frame, known, strict=False)
    findings += entities.findings(typed, settings)
    if all(name in typed for name in settings.features):
        near = near_duplicates.near_duplicates(typed, settings)
        repeated = typed.duplicated([*settings.features, settings.data.target])
        findings.append(near_duplicates.finding(near, int((~repeated).sum()), project))
    return findings


def _of_large(project: Project, raw: RawTable, usecase: list[Asked]) -> list[Finding]:
    """The findings on a large table, which is read by columns and in batches."""
    settings = project.settings
    findings = by_column.findings(project, raw, usecase)
    if settings.data.target not in raw.names:
        return findings
    samples = many_rows.samples(raw, settings)
    every = many_rows.rows(raw, settings, samples.typed)
    target = prepare(raw.only([settings.data.target]), settings)[settings.data.target]
    findings += measured(target, every.repeats, samples.drawn, project)
    count = raw.rows or 0
    findings += entities.found_as(many_rows.suspected(samples, settings), count, settings)
    if every.near is not None:
        findings.append(near_duplicates.finding(every.near, count, project))
    return findings


def _declared(project: Project) -> list[Expectation]:
    """The expectations of the use case, from a confined process; `declared.json` records them."""
    with run_confined(project.root, "expectations") as results:
        found = results.json("expectations.json", list[dict[str, Any]])
    expectations = from_data(found, project.settings.columns)
    names = [name_of(expectation) for expectation in expectations]
    record = {"confined": results.confined, "names": names, "declared": found}
    files.write_json(project.evidence("data-quality") / "declared.json", record)
    return expectations


def measured(target: Series, repeats: float, some: DataFrame, project: Project) -> list[Finding]:
    """What cannot be checked value by value: repeats, class balance, leakage.

    target: the target of every row. repeats: the share of rows that repeat another one. some:
    enough rows to look for leakage in, prepared.
    """
    settings = project.settings
    quality, rows = settings.quality, len(target)
    most = Bound(project.source("quality", "duplicates"), high=quality.duplicates)
    findings = [judge("data-quality/duplicated rows", repeats, most, n=rows)]
    if settings.task == "regression":
        values = float(target.nunique())
        least = Bound("a constant target cannot be learned", low=2.0)
        findings.append(judge("data-quality/target/distinct values", values, least, n=rows))
    else:
        least = Bound(project.source("quality", "class_share"), low=quality.class_share)
        findings += [
            judge(f"data-quality/share of class {name}", float((target == name).mean()), least)
            for name in settings.classes
        ]
    return findings + _leaks(some, settings)


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
    "pair": "leakage of two",
    "encoded": "means of the target",
    "one_class": "known for one class",
    "chosen": "value of the chosen column",
}


def _leak(leak: Leak, settings: Settings, n: int) -> Finding:
    columns = " and ".join(map(repr, leak.columns))
    told = f"{columns} alone" if leak.bound == "leakage" else repr(leak.text)
    if leak.bound == "missing_leakage":
        told = f"whether {columns} is missing"
    ignore = f"set 'use: ignored' for {columns} in params.yaml"
    if leak.bound in ("encoded", "one_class", "chosen"):
        return _certain(leak, n, f"{ignore}, commit it, and run 'sluice adopt --again'")
    found = judge_suspicion(
        f"data-quality/{leak.text}/{_LEAK_NAMES[leak.bound]}",
        leak.strength,
        Bound(_source(leak), high=leak.limit(settings)),
        n=n,
        copy=f"{told} determines the target, so there is nothing left to predict; {ignore}",
        suspected=(
            f"{told} explains so much of the target that it may be a leak; {ignore}, commit it, "
            "and run 'sluice adopt --again'. If it is known when the model predicts, accept this "
            "finding by name, with the reason"
        ),
    )
    return replace(found, why=f"{found.why}; {leak.limited}") if leak.limited else found


def _source(leak: Leak) -> str:
    return OF_PAIRS if leak.bound == "pair" else f"params.yaml: quality.{leak.bound}"


def _certain(leak: Leak, n: int, ignore: str) -> Finding:
    """A finding that a person may accept: the values may come from other rows, or be known before
    the target.
    """
    if leak.bound == "encoded":
        bound = Bound(encoded.MEANS, high=encoded.LIMIT)
        why = (
            f"the values of {leak.text!r} are means of the target among rows that belong together, "
            "perhaps smoothed or without the row itself, more exactly than chance allows, so they "
            f"were probably computed from the target of the same rows; {ignore}. If they were "
            "computed from other rows, accept this finding by name, with the reason"
        )
    elif leak.bound == "chosen":
        bound = Bound(chosen.CHOSEN, high=chosen.LIMIT)
        why = (
            f"the value of {leak.text!r} is {leak.detail}, so it says what the target chose; "
            f"{ignore}. If it is known when the model predicts, accept this finding by name, with "
            "the reason"
        )
    else:
        bound = Bound(one_class.ONE_CLASS, high=one_class.LIMIT)
        why = (
            f"{leak.text!r} has values almost only in rows of one class, so it may be recorded "
            f"with the event or after it; {ignore}. If it is known when the model predicts, accept "
            "this finding by name, with the reason"
        )
    name = f"data-quality/{leak.text}/{_LEAK_NAMES[leak.bound]}"
    return Finding(name, Status.INSUFFICIENT, why, leak.strength, n=n, bound=bound)
