"""Is the data what params.yaml says it is? Asked by great-expectations."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice import table, usecase
from sluice.check import leakage
from sluice.check.data_quality_page import write_page
from sluice.check.leakage import Leak
from sluice.check.suspicion import judge_suspicion
from sluice.config import Column, Settings
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.project import Project
from sluice.spelling import described
from sluice.verdict import Bound, Finding, Status, judge

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation
    from pandas import DataFrame, Series

_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "Int64Dtype"]
_NUMBERS = [*_INTEGERS, "float16", "float32", "float64"]
_LARGEST = sys.float_info.max
_SHOWN = 60
_AT_ONCE = 100  # its time grows with the square of a suite's length


@dataclass(frozen=True)
class Asked:
    """An expectation, the finding it becomes, and who asks."""

    name: str
    source: str
    expectation: Expectation


def measure(project: Project) -> list[Finding]:
    settings = project.settings
    # Written before the import: great-expectations reads it then.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    frame = prepare(table.read_raw(project.data, settings.columns), settings)
    extra = usecase.load(project, "expectations", "EXPECTATIONS")
    findings = ask(frame, [*of_table(settings, frame), *of_usecase(extra)])
    if settings.data.target in frame:
        findings += measured(frame, settings)
    write_page(project.evidence("data-quality") / "index.html", settings, frame, findings)
    return findings


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


def of_table(settings: Settings, frame: DataFrame) -> list[Asked]:
    import great_expectations.expectations as gxe

    names = list(settings.columns)
    whole = gxe.ExpectTableColumnsToMatchSet(column_set=names, exact_match=True)
    rows = gxe.ExpectTableRowCountToBeBetween(min_value=settings.quality.rows)
    asked = [
        Asked("data-quality/columns", "params.yaml: columns", whole),
        Asked("data-quality/rows", "params.yaml: quality.rows", rows),
    ]
    for name, column in settings.columns.items():
        if name in frame:
            asked += _of_column(name, column, is_id=name == settings.data.id)
    return asked


def _of_column(name: str, column: Column, *, is_id: bool) -> list[Asked]:
    import great_expectations.expectations as gxe

    wanted: dict[str, Expectation] = {}
    if column.numeric:
        kinds = _INTEGERS if column.type == "integer" else _NUMBERS
        low = -_LARGEST if column.low is None else column.low
        high = _LARGEST if column.high is None else column.high
        wanted["type"] = gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=kinds)
        wanted["range"] = gxe.ExpectColumnValuesToBeBetween(
            column=name, min_value=low, max_value=high
        )
    if column.values is not None:
        labels = [label(value) for value in column.values]
        wanted["values"] = gxe.ExpectColumnValuesToBeInSet(column=name, value_set=labels)
    known = 1 - column.missing
    wanted["missing"] = gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=known)
    if is_id:
        wanted["unique"] = gxe.ExpectColumnValuesToBeUnique(column=name)
    return [
        Asked(f"data-quality/{name}/{what}", f"params.yaml: columns.{name}", expectation)
        for what, expectation in wanted.items()
    ]


def of_usecase(expectations: list[Expectation]) -> list[Asked]:
    from great_expectations.expectations import Expectation

    for item in expectations:
        if not isinstance(item, Expectation):
            raise SluiceError(
                f"src/usecase/expectations.py: EXPECTATIONS holds {item!r}, expected an "
                "expectation of great-expectations"
            )
    return [
        Asked(
            f"data-quality/usecase/{expectation.description or _undescribed(expectation)}",
            "src/usecase/expectations.py",
            expectation,
        )
        for expectation in expectations
    ]


def _undescribed(expectation: Expectation) -> str:
    """A name for an expectation that has no description: its type and its column, if it has one."""
    column = getattr(expectation, "column", None)
    kind: str = expectation.expectation_type
    return kind if column is None else f"{kind} of {column}"


def ask(frame: DataFrame, asked: list[Asked]) -> list[Finding]:
    """Validate the table with great-expectations; findings in the order asked."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("project")
    whole = source.add_dataframe_asset("data").add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch({"dataframe": frame})
    findings = []
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        suite = gx.ExpectationSuite(name=f"data-quality from {start}")
        for place, item in enumerate(some):
            named = {**(item.expectation.meta or {}), "place": place}
            suite.add_expectation(item.expectation.copy(update={"meta": named}))
        results = batch.validate(suite, result_format="BASIC").results
        answered = {result.expectation_config.meta["place"]: result for result in results}
        findings += [_finding(item, answered.get(place)) for place, item in enumerate(some)]
    return findings


def _finding(item: Asked, result: Any | None) -> Finding:
    bound = Bound(item.source)
    if result is None or result.exception_info.get("raised_exception", True):
        why = "could not be computed: the column is missing or of another type"
        return Finding(item.name, Status.INSUFFICIENT, why, bound=bound)
    said = result.result
    status = Status.PASS if result.success else Status.FAIL
    if "unexpected_count" not in said:
        return Finding(item.name, status, _observed(item, said), bound=bound)
    share = (said["unexpected_percent"] or 0) / 100
    why = f"{said['unexpected_count']:,} of {said['element_count']:,} values break this expectation"
    seen = {_example(item, v) for v in said["partial_unexpected_list"] if v is not None}
    if seen:
        why += f", such as {', '.join(sorted(seen)[:5])}"
    return Finding(item.name, status, why, share, n=said["element_count"], bound=bound)


def _example(item: Asked, value: object) -> str:
    """A value as a person reads it: texts in quotes, with the expected one that is nearly equal."""
    if not isinstance(value, str):
        return str(value)[:_SHOWN]
    expected = getattr(item.expectation, "value_set", None) or []
    return described(value[:_SHOWN], map(str, expected))


def _observed(item: Asked, said: dict[str, Any]) -> str:
    amiss = (said.get("details") or {}).get("mismatched") or {}
    if amiss:
        return "; ".join(
            f"{what}: {', '.join(_near(names, amiss, what))}" for what, names in amiss.items()
        )
    seen = said.get("observed_value")
    if isinstance(seen, list):
        return f"{len(seen)} found as expected"
    wanted = getattr(item.expectation, "type_list", None)
    if wanted is not None:
        return f"found {seen}, expected one of {', '.join(wanted)}"
    least = getattr(item.expectation, "min_value", None)
    most = getattr(item.expectation, "max_value", None)
    ends = {"at least": least, "at most": most}
    expected = " and ".join(f"{what} {end:,}" for what, end in ends.items() if end is not None)
    found = f"{seen:,}" if isinstance(seen, int | float) else f"{seen}"
    return f"found {found}, expected {expected}" if expected else f"found {found}"


def _near(names: list[Any], amiss: dict[str, list[Any]], what: str) -> list[str]:
    """Quote the names of columns, with the expected one from which a name hardly differs."""
    expected = [str(name) for name in amiss.get("missing", []) if what == "unexpected"]
    return [described(str(name), expected) for name in names]


def measured(frame: DataFrame, settings: Settings) -> list[Finding]:
    """What takes more than a look at single values: repeats, class balance, leakage."""
    quality = settings.quality
    own = [name for name in settings.columns if name in frame and name != settings.data.id]
    repeats = float(frame.duplicated(own).mean())
    most = Bound("params.yaml: quality.duplicates", high=quality.duplicates)
    findings = [judge("data-quality/duplicated rows", repeats, most, n=len(frame))]
    if settings.task == "regression":
        values = float(frame[settings.data.target].nunique())
        least = Bound("a constant target teaches nothing", low=2.0)
        findings.append(judge("data-quality/target/distinct values", values, least, n=len(frame)))
    else:
        target = frame[settings.data.target]
        least = Bound("params.yaml: quality.class_share", low=quality.class_share)
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
    return [_leak(leak, settings, len(values)) for leak in leakage.measure(values, settings)]


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
    return judge_suspicion(
        f"data-quality/{leak.text}/{_LEAK_NAMES[leak.bound]}",
        leak.strength,
        Bound(f"params.yaml: quality.{leak.bound}", high=leak.limit(settings)),
        n=n,
        copy=f"{told} gives the target, so nothing is left to predict; {ignore}",
        suspected=(
            f"{told} explains so much of the target that it may be a leak; {ignore}, commit it, "
            "and run 'sluice adopt --again'. If it is known when the model predicts, accept this "
            "finding by name, with the reason"
        ),
    )
