"""What the columns may hold, as expectations that great-expectations checks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sluice.check import plain
from sluice.config import Column
from sluice.errors import SluiceError
from sluice.labels import label
from sluice.project import Project
from sluice.spelling import described
from sluice.verdict import Bound, Finding, Status, number

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation
    from pandas import DataFrame, Series

_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "Int64Dtype"]
_NUMBERS = [*_INTEGERS, "float16", "float32", "float64"]
_LARGEST = sys.float_info.max
_SHOWN = 60  # characters of a value
_EXAMPLES = 5  # values or rows that a finding names
_AT_ONCE = 100  # the time that great-expectations takes grows with the square of a suite's length

# great-expectations imports PySpark if it is installed, which warns about the version of pandas.
# Nothing here uses PySpark.
warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")


@dataclass(frozen=True)
class Asked:
    """An expectation, the finding it becomes, and where it is declared."""

    name: str
    source: str
    expectation: Expectation


def of_columns(project: Project) -> Asked:
    """Return what params.yaml expects of the names of the columns."""
    import great_expectations.expectations as gxe

    names = list(project.settings.columns)
    whole = gxe.ExpectTableColumnsToMatchSet(column_set=names, exact_match=True)
    return Asked("data-quality/columns", "params.yaml: columns", whole)


def of_rows(project: Project) -> Asked:
    """Return what params.yaml expects of the number of rows."""
    import great_expectations.expectations as gxe

    rows = gxe.ExpectTableRowCountToBeBetween(min_value=project.settings.quality.rows)
    return Asked("data-quality/rows", project.source("quality", "rows"), rows)


def of_column(project: Project, values: Series) -> list[Asked]:
    """Return what params.yaml expects of a column of a prepared table."""
    import great_expectations.expectations as gxe

    settings, name = project.settings, str(values.name)
    expected = _of_column(name, settings.columns[name], values, settings.quality.mostly)
    if name == settings.data.id:
        expected["unique"] = gxe.ExpectColumnValuesToBeUnique(column=name)
    source = project.source("columns", name)
    return [Asked(f"data-quality/{name}/{k}", source, e) for k, e in expected.items()]


def _of_column(name: str, column: Column, values: Series, mostly: float) -> dict[str, Expectation]:
    """Return the expectations of one column. mostly: the default for columns without their own."""
    import great_expectations.expectations as gxe

    wanted: dict[str, Expectation] = {}
    mostly = mostly if column.mostly is None else column.mostly
    if column.numeric:
        whole = column.type == "integer" and _whole_share(values) < mostly
        kinds = _INTEGERS if whole else _NUMBERS
        low = -_LARGEST if column.low is None else column.low
        high = _LARGEST if column.high is None else column.high
        wanted["type"] = gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=kinds)
        wanted["range"] = gxe.ExpectColumnValuesToBeBetween(
            column=name, min_value=low, max_value=high, mostly=mostly
        )
        if mostly < 1:
            wanted["finite"] = gxe.ExpectColumnValuesToBeBetween(
                column=name, min_value=-_LARGEST, max_value=_LARGEST
            )
    if column.values is not None:
        labels = [label(value) for value in column.values]
        wanted["values"] = gxe.ExpectColumnValuesToBeInSet(
            column=name, value_set=labels, mostly=mostly
        )
    wanted["missing"] = gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.missing)
    return wanted


def _whole_share(values: Series) -> float:
    """Return the share of the known values of a column that are whole numbers; 0 for text."""
    if values.dtype.kind != "f":
        return float(values.dtype.kind in "iu")
    known = values.dropna().to_numpy(np.float64)
    return float((np.isfinite(known) & (known == np.round(known))).mean()) if len(known) else 1.0


def from_data(declared: list[dict[str, Any]], columns: Collection[str]) -> list[Expectation]:
    """Create expectations from types and arguments. Raises SluiceError for one that is not pure
    data.
    """
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    made = []
    for item in declared:
        plain.require(item, columns)
        try:
            made.append(ExpectationConfiguration(**item).to_domain_obj())
        except Exception as error:  # great-expectations raises many kinds of errors
            said = " ".join(str(error).split())
            raise SluiceError(
                f"src/usecase/expectations.py: {item.get('type')!r:.100} is not an expectation "
                f"that great-expectations includes: {said:.300}"
            ) from None
    return made


def of_usecase(expectations: list[Expectation]) -> list[Asked]:
    """Return what the use case expects, under the names by which the report shows it."""
    return [
        Asked(
            f"data-quality/usecase/{name_of(expectation)}",
            "src/usecase/expectations.py",
            expectation,
        )
        for expectation in expectations
    ]


def name_of(expectation: Expectation) -> str:
    """The description of an expectation, or else its type and its column, if it has one."""
    if expectation.description:
        return str(expectation.description)
    column = getattr(expectation, "column", None)
    kind: str = expectation.expectation_type
    return kind if column is None else f"{kind} of {column}"


def ask(frame: DataFrame, asked: list[Asked], id_column: str | None) -> list[Finding]:
    """Validate the table with great-expectations; findings in the order asked.

    id_column: the column that names a row.
    """
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("project")
    whole = source.add_dataframe_asset("data").add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch({"dataframe": frame})
    shown: dict[str, Any] = {"result_format": "SUMMARY"}
    if id_column is not None and id_column in frame:
        shown["unexpected_index_column_names"] = [id_column]
    findings = []
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        suite = gx.ExpectationSuite(name=f"data-quality from {start}")
        for place, item in enumerate(some):
            named = {**(item.expectation.meta or {}), "place": place}
            suite.add_expectation(item.expectation.copy(update={"meta": named}))
        results = batch.validate(suite, result_format=shown).results
        answered = {result.expectation_config.meta["place"]: result for result in results}
        findings += [
            _finding(item, answered.get(place), id_column) for place, item in enumerate(some)
        ]
    return findings


def _finding(item: Asked, result: Any | None, id_column: str | None) -> Finding:
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
    seen = {_example(item, v) for v in said["partial_unexpected_list"] if not _is_missing(v)}
    if seen:
        why += f", such as {', '.join(sorted(seen)[:_EXAMPLES])}"
    if rows := said.get("partial_unexpected_index_list"):
        why += f" ({_rows(rows, id_column, said['unexpected_count'])})"
    allowed = 1 - getattr(item.expectation, "mostly", 1)
    if said["unexpected_count"] and allowed > 0:
        why += f"; {number(100 * allowed)} % may"
    return Finding(item.name, status, why, share, n=said["element_count"], bound=bound)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _example(item: Asked, value: object) -> str:
    """A readable form of a value: texts in quotes, with the expected value that is similar."""
    if not isinstance(value, str):
        return str(value)[:_SHOWN]
    expected = getattr(item.expectation, "value_set", None) or []
    return described(value[:_SHOWN], map(str, expected))


def _rows(found: list[dict[str, Any] | int], id_column: str | None, count: int) -> str:
    """Name the first rows that great-expectations found, by id or by row number."""
    named = [
        repr(row.get(str(id_column))) if isinstance(row, dict) else f"{row + 1:,}"
        for row in found[:_EXAMPLES]
    ]
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    what = "row" if count == 1 else "rows"
    by = f"{what} with {id_column}" if id_column is not None else what
    return f"{by} {', '.join(named)}{more}"


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
    """Quote column names; add the expected name if one is nearly equal."""
    expected = [str(name) for name in amiss.get("missing", []) if what == "unexpected"]
    return [described(str(name), expected) for name in names]
