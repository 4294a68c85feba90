"""The data may be a folder of parts: read as one table, and refused if they differ."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from sluice.adopt import source
from sluice.config import Column, validate
from sluice.errors import SluiceError
from sluice.monitor.retrain.part import append
from sluice.table import read_raw, typed
from support.fixture_project import Toy
from support.fixture_project.params import params

COLUMNS = {
    "key": Column(type="text"),
    "size": Column(type="number", missing=1),
    "count": Column(type="integer", missing=1),
    "kind": Column(type="category", values=["1", "NA", "b"], missing=1),
}
ROWS = pd.DataFrame(
    {
        "key": ["a", "b", "007", "d"],
        "size": [0.1, 2.0, None, 1e-9],
        "count": pd.array([1, 2, None, 4], dtype="Int64"),
        "kind": ["1", "NA", "", "b"],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").mkdir()
    return tmp_path / "rows.csv"


def test_parts_of_both_formats_are_read_as_one_file_would_be(folder: Path, tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "whole.csv", index=False)
    ROWS[:1].to_csv(folder / "part-0000.csv", index=False)
    ROWS[1:3].to_parquet(folder / "part-0001.parquet", index=False)
    # In another order of columns, and with another delimiter.
    ROWS[3:][["kind", "count", "size", "key"]].to_csv(
        folder / "part-0002.csv", index=False, sep=";"
    )
    whole, parts = (
        typed(read_raw(path, COLUMNS), COLUMNS) for path in (tmp_path / "whole.csv", folder)
    )
    pd.testing.assert_frame_equal(parts, whole)


def test_a_single_part_is_read_like_the_file_itself(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "whole.csv", folder / "part-0000.csv"):
        ROWS.to_csv(path, index=False)
    pd.testing.assert_frame_equal(
        read_raw(folder, COLUMNS), read_raw(tmp_path / "whole.csv", COLUMNS)
    )


def lacks(folder: Path) -> None:
    ROWS.drop(columns="size").to_csv(folder / "part-0001.csv", index=False)


def has_more(folder: Path) -> None:
    ROWS.assign(other=1).to_csv(folder / "part-0001.csv", index=False)


def no_table(folder: Path) -> None:
    (folder / "README.md").write_text("# Rows")


def inner(folder: Path) -> None:
    (folder / "2026.csv").mkdir()


def no_rows(folder: Path) -> None:
    ROWS[:0].to_csv(folder / "part-0001.csv", index=False)


def nothing(folder: Path) -> None:
    (folder / "part-0000.csv").unlink()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lacks, "part-0001.csv lacks the column 'size', unlike"),
        (has_more, "part-0001.csv has the column 'other', unlike"),
        (no_table, "README.md is not a part of a table"),
        (inner, "2026.csv is not a part of a table"),
        (no_rows, "part-0001.csv has no rows"),
        (nothing, "is an empty folder"),
    ],
)
def test_a_file_that_is_not_a_part_is_reported(folder: Path, change: object, why: str) -> None:
    ROWS.to_csv(folder / "part-0000.csv", index=False)
    change(folder)  # type: ignore[operator]
    with pytest.raises(SluiceError, match=why):
        read_raw(folder, COLUMNS)


def test_adopt_again_reads_parts_and_names_one_with_other_values(folder: Path) -> None:
    ROWS[:2].to_csv(folder / "part-0000.csv", index=False)
    ROWS[2:].to_csv(folder / "part-0001.csv", index=False)
    found = source.read(folder, {"kind": {"NA"}})
    assert found.frame["count"].tolist()[:2] == [1, 2]
    assert len(found.frame) == 4
    pd.DataFrame({"key": ["x"], "size": ["large"], "count": [1], "kind": ["b"]}).to_csv(
        folder / "part-0002.csv", index=False
    )
    with pytest.raises(SluiceError, match=r"part-0002.csv: column 'size' has texts, but numbers"):
        source.read(folder)


def test_the_pipeline_gives_the_same_model_for_a_file_and_for_its_parts(
    built: object, tmp_path: Path
) -> None:
    toy: Toy = built("binary").copy(tmp_path / "toy")  # type: ignore[operator]
    before = {path.name: path.read_bytes() for path in (toy.root / "out/split").glob("*.parquet")}
    rows = toy.data()
    (toy.root / "data/toy.csv").unlink()
    toy.write("data/toy.csv/part-0000.csv", rows[:2000].to_csv(index=False))
    toy.write("data/toy.csv/part-0001.csv", rows[2000:].to_csv(index=False))
    ran = toy.sluice("run")
    assert ran.status == 0, ran.said
    after = {path.name: path.read_bytes() for path in (toy.root / "out/split").glob("*.parquet")}
    assert after == before
    # The package names the data by DVC's own hash of the folder.
    said = toy.json("out/package/data/data.json")["file"]
    assert said["path"] == "data/toy.csv"
    listed = next(
        json.loads(path.read_bytes())
        for path in (toy.root / ".dvc/cache/files/md5").glob("*/*.dir")
        if b"part-0001" in path.read_bytes()
    )
    assert {entry["relpath"] for entry in listed} == {
        "toy.csv/part-0000.csv",
        "toy.csv/part-0001.csv",
    }
    assert said["md5"].endswith(".dir")
    # An edit of one part is noticed.
    toy.write("data/toy.csv/part-0001.csv", rows[2000:].to_csv(index=False).replace("red", "rot"))
    ran = toy.sluice("run")
    assert ran.status == 1
    assert toy.verdict("data-quality")["status"] == "fail"


def test_a_folder_of_the_user_is_not_used_as_data(tmp_path: Path) -> None:
    data, theirs = tmp_path / "toy.csv", tmp_path / "toy.csv.parts"
    ROWS.to_csv(data, index=False)
    theirs.mkdir()
    (theirs / "note.txt").write_text("mine")
    with pytest.raises(SluiceError, match=r"toy\.csv\.parts already exists: rename it"):
        append(data, ROWS, validate(params("binary"), "params.yaml"))
    assert data.is_file()
    assert [path.name for path in theirs.iterdir()] == ["note.txt"]
