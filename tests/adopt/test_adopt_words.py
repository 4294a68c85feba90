"""A rule decides whether words such as NA are missing values, and the summary reports it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sluice.adopt import source
from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.profile.infer import infer
from sluice.adopt.profile.words import parse_keep
from sluice.errors import SluiceError

ROWS = 100
Profile = Callable[..., TableProfile]


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """Infer the profile of a table whose columns repeat the given values, from a file."""

    def call(suffix: str = ".csv", keep: tuple[str, ...] = (), **columns: Any) -> TableProfile:
        repeated = {
            name: [values[k % len(values)] for k in range(ROWS)]
            for name, values in {"y": ["yes", "no"], **columns}.items()
        }
        frame = pd.DataFrame(repeated).assign(x=[k + 0.5 for k in range(ROWS)])
        path = tmp_path / f"table{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        kept = parse_keep(keep)
        found = source.read(path, kept)
        return infer(found, "table", target="y", id_column=None, sensitive=[], keep=kept)

    return call


def column(profile: TableProfile, name: str) -> ColumnProfile:
    return next(found for found in profile.columns if found.name == name)


def test_a_word_in_a_csv_file_is_missing_and_named_with_its_rows(profile: Profile) -> None:
    found = column(profile(c=["NA", "BW", "ZA", "n/a", "ZA"]), "c")
    assert found.values == ("BW", "ZA")
    assert 0.6 < found.missing < 0.65
    assert found.remark == (
        "'NA' (rows: 20) and 'n/a' (rows: 20) are each treated as missing "
        "(to keep it as a value, adopt with --keep 'c=NA')"
    )


def test_the_keep_option_keeps_a_word(profile: Profile) -> None:
    found = column(profile(c=["NA", "BW", "ZA", "n/a", "ZA"], keep=("c=NA",)), "c")
    assert found.values == ("BW", "NA", "ZA")
    assert 0.3 < found.missing < 0.35
    assert "'NA' (rows: 20) is kept as a value" in found.remark
    assert "'n/a' (rows: 20) is treated as missing" in found.remark
    number = column(profile(c=["NA", 1, 2], keep=("c=NA",)), "c")
    assert (number.type, number.values) == ("category", (1, 2, "NA"))


def test_a_word_in_a_parquet_file_is_a_value(profile: Profile) -> None:
    found = column(profile(".parquet", c=["NA", "BW", None, "ZA"]), "c")
    assert found.values == ("BW", "NA", "ZA")
    assert 0.375 < found.missing < 0.4
    assert found.remark == "'NA' (rows: 25) is kept as a value"


def test_a_word_without_which_one_value_would_be_left_is_kept(profile: Profile) -> None:
    found = column(profile(c=["garden", "None", "None"]), "c")
    assert (found.use, found.values) == ("feature", ("None", "garden"))


def test_words_among_numbers_are_named(profile: Profile) -> None:
    found = column(profile(c=["NA", 1, 2, 3]), "c")
    assert (found.type, found.remark) == ("integer", "'NA' (rows: 25) is treated as missing")


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (["None", "Apnea", "Insomnia"], ["Apnea", "Insomnia", "None"]),
        (["null", "ill"], ["ill", "null"]),
        (["NA", "NaN"], ["NA", "NaN"]),
    ],
)
def test_a_frequent_word_in_the_target_is_a_class(
    values: list[str], classes: list[str], profile: Profile
) -> None:
    found = profile(y=values)
    assert found.classes == classes
    assert "kept as a class" in column(found, "y").remark


@pytest.mark.parametrize("values", [["a", "b"] * 24 + ["a", "NA"], [1, 2, 3] * 30 + [4, "NA"]])
def test_a_rare_word_in_the_target_is_refused_by_name(values: list[Any], profile: Profile) -> None:
    with pytest.raises(SluiceError, match=r"'y' is missing in \d of 100 rows, .* 'NA' \(rows: \d"):
        profile(y=values)


def test_a_word_in_a_target_of_few_numbers_can_be_a_class(profile: Profile) -> None:
    with pytest.raises(SluiceError, match=r"--drop-missing-target .* with --keep 'y=NA'\)"):
        profile(y=[0, 1, 1, "NA"])
    assert profile(y=[0, 1, 1, "NA"], keep=("y=NA",)).classes == ["0", "1", "NA"]
    with pytest.raises(SluiceError, match=r"'NA' \(rows: 2\) is treated as missing$"):
        profile(y=[*range(49), "NA"])  # too many numbers to be classes


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_rows_without_a_target_are_left_out_if_one_asks_for_it(
    suffix: str, project: Path, adopted: Callable[..., list[str]], tmp_path: Path
) -> None:
    x = [k + 0.5 if k % 10 else None for k in range(400)]
    y = [k * 2 + 0.25 if k % 8 else None for k in range(400)]
    frame = pd.DataFrame({"x": x, "z": [k % 7 for k in range(400)], "y": y})
    file = tmp_path / f"table{suffix}"
    frame.to_csv(file, index=False, na_rep="NA") if suffix == ".csv" else frame.to_parquet(file)
    with pytest.raises(SluiceError, match=r"50 of 400 rows.* --drop-missing-target"):
        adopted(file, "y")
    said = "\n".join(adopted(file, "y", drop_missing_target=True, keep_suspects=True))
    assert "50 of 400 rows of the file have no value of the target, and were left out" in said
    copy = next((project / "data").iterdir())
    kept = pd.read_csv(copy) if suffix == ".csv" else pd.read_parquet(copy)
    assert len(kept) == 350
    assert kept["y"].notna().all()
    assert "no value of the target: 50 rows" in (project / "docs/datasheet.md").read_text()
    if suffix == ".csv":  # 10 of the 40 rows without x have no y either
        assert "'NA' (rows: 30) is treated as missing" in said


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("c", "expected COLUMN=WORD"),
        ("=NA", "expected COLUMN=WORD"),
        ("c=", "'' does not mean a missing value"),
        ("c=blue", "'blue' does not mean a missing value"),
        ("d=NA", "there is no column 'd'"),
        ("c=NA", "column 'c' has 'NA' in no row"),
    ],
)
def test_an_option_that_keeps_nothing_is_refused(
    option: str, reason: str, profile: Profile
) -> None:
    with pytest.raises(SluiceError, match=f"--keep: {reason}"):
        profile(c=["a", "b"], keep=(option,))
