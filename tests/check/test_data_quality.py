"""Bad data is refused at the first gate, by column and reason, and no later gate runs."""

from __future__ import annotations

import pandas as pd

from support.command_line import InProcess
from support.fixture_project import Toy
from support.refusal import did_not_run, gate_refuses, refuses

LATER = ["parity", "performance", "fairness", "explanation", "scenarios"]


def test_allowed_values_of_columns(toy: Toy) -> None:
    data = toy.data()
    data.loc[:999, "visits"] = ""
    data.loc[1000, "visits"] = "2.5"
    data.loc[5, "slope"] = "99"
    data.loc[6, "weight"] = "heavy"
    data.loc[7:9, "waste"] = "inf"
    data.loc[10, "colour"] = "mauve"
    data.loc[11, "side"] = ""
    data.loc[12, "late"] = "perhaps"
    data.loc[15, "late"] = "Yes "
    data.loc[13, "key"] = data.loc[14, "key"]
    toy.write_data(pd.concat([data, data.iloc[2000:2100].assign(key=lambda d: d["key"] + "x")]))
    ran = toy.sluice("package", "build")
    uncomputed = "could not be computed: the column is missing or of another type"
    q = "data-quality/"
    refuses(
        toy,
        ran,
        "data-quality",
        {
            q + "visits/missing": ("fail", r"1,\d+ of 3,700 values break this expectation"),
            q + "visits/type": ("fail", "found float64, expected one of .*int64"),
            q + "slope/range": ("fail", "1 of 3,700 .* such as 99"),
            q + "weight/type": ("fail", "found str|found object"),
            q + "weight/range": ("insufficient", uncomputed),
            q + "waste/range": ("fail", "3 of 3,700 .* such as inf"),
            q + "colour/values": ("fail", "1 of 3,700 .* such as 'mauve'"),
            q + "side/missing": ("fail", "1 of 3,700"),
            q + "late/values": (
                "fail",
                r"2 of 3,700 .* such as 'Yes ' \(it differs from 'yes' only in spaces and in upper "
                r"and lower case\), 'perhaps'",
            ),
            q + "key/unique": ("fail", "2 of 3,700 .* such as 'k00014'"),
            q + "duplicated rows": ("fail", "0.027.* outside the bound of at most 0.01"),
            q + "usecase/weights are in kilograms": ("insufficient", uncomputed),
        },
    )
    did_not_run(toy, LATER)


def test_which_columns_there_are(toy: Toy, in_process: InProcess) -> None:
    data = toy.data().rename(columns={"born": "\u200bborn"})
    data["slope"] = data["slope"].map(lambda value: f"about {value}")
    data["weight"] = (data["weight"].astype(float) + 90).astype(str)
    late = (data["late"] == "yes").astype(float)
    data["waste"] = (late + data.index.to_series().mod(7) / 100).astype(str)
    data["visits"] = late.groupby(data.index // 5).transform("mean").astype(str)
    toy.write_data(data.assign(surplus="1").head(2000))
    ran = in_process(toy, "check", "data-quality")
    q = "data-quality/"
    gate_refuses(
        toy,
        ran,
        "data-quality",
        {
            q + "columns": (
                "fail",
                r"unexpected: 'surplus', '\\u200bborn' \(it differs from 'born' only by an "
                r"invisible character\); missing: 'born'",
            ),
            q + "rows": ("fail", "found 2,000, expected at least 3,000"),
            q + "slope/type": ("fail", "found str|found object"),
            q + "slope/range": ("insufficient", "could not be computed"),
            q + "waste/leakage": ("fail", "1 is outside the bound of at most 0.9"),
            q + "visits/type": ("fail", ""),
            q + "visits/means of the target": ("insufficient", "the values of 'visits' are means"),
            q + "usecase/weights are in kilograms": ("fail", "found 15|found 16"),
        },
    )


def test_a_class_that_vanished(toy: Toy, in_process: InProcess) -> None:
    data = toy.data()
    toy.write_data(data.assign(late="no"))
    ran = in_process(toy, "check", "data-quality")
    inputs = ["weight", "slope", "visits", "waste", "colour"]
    undefined = {
        f"data-quality/{name}/leakage": ("insufficient", "could not be computed from these rows")
        for name in inputs
    }
    share = ("fail", "0 is outside the bound of at least 0.1")
    gate_refuses(toy, ran, "data-quality", {"data-quality/share of class yes": share, **undefined})


def test_a_missing_target(toy: Toy, in_process: InProcess) -> None:
    toy.write_data(toy.data().drop(columns="late"))
    ran = in_process(toy, "check", "data-quality")
    why = "missing: 'late'"
    gate_refuses(toy, ran, "data-quality", {"data-quality/columns": ("fail", why)})


def test_expectations_that_cannot_be_loaded(toy: Toy, in_process: InProcess) -> None:
    toy.write("src/usecase/expectations.py", "import nowhere_to_be_found\n")
    ran = in_process(toy, "check", "data-quality")
    why = "src/usecase/expectations.py: ModuleNotFoundError: No module named"
    gate_refuses(toy, ran, "data-quality", {"data-quality/ran": ("insufficient", why)})


def _expect(toy: Toy, *wanted: tuple[str, str | None]) -> None:
    """Write an expectation about the mean for each column and description."""
    listed = ", ".join(
        f"gxe.ExpectColumnMeanToBeBetween(column={column!r}, min_value=-500, description={said!r})"
        for column, said in wanted
    )
    source = f"import great_expectations.expectations as gxe\nEXPECTATIONS = [{listed}]\n"
    toy.write("src/usecase/expectations.py", source)


def test_two_expectations_of_one_name(toy: Toy, in_process: InProcess) -> None:
    _expect(toy, ("slope", "low"), ("waste", "low"))
    ran = in_process(toy, "check", "data-quality")
    assert ran.status == 2
    assert ran.line.startswith("two findings are named 'data-quality/usecase/low': give each its")
    assert list(toy.findings("data-quality")) == ["data-quality/ran"]


def test_expectations_on_two_columns_need_no_description(toy: Toy, in_process: InProcess) -> None:
    _expect(toy, ("slope", None), ("waste", None))
    in_process(toy, "check", "data-quality").went_well()
    found = toy.findings("data-quality")
    for column in ("slope", "waste"):
        assert f"data-quality/usecase/expect_column_mean_to_be_between of {column}" in found
