"""A large table is split in batches like a small one at once, and training rows are sampled."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sluice import raw_table
from sluice.files import read_json
from sluice.project import Project
from sluice.train.split import PARTS, run
from support.fixture_project import Toy, params, table

ROWS = 1_500


def project(folder: Path, **split: object) -> Project:
    """A project whose table is a folder of three Parquet files; one has a missing number."""
    toy, data = Toy(folder), table("binary", ROWS)
    data["house"] = [f"h{n // 4}" for n in range(len(data))]
    settings = params("binary")
    settings["columns"]["house"] = {"type": "text", "use": "ignored"}
    settings["data"]["file"] = "data/parts"
    settings["split"] |= split
    toy.write_params(settings)
    parts = folder / "data/parts"
    parts.mkdir(parents=True)
    for k, start in enumerate(range(0, ROWS, 500)):
        rows = data.iloc[start : start + 500]
        rows.to_parquet(parts / f"{k}.parquet", index=False, row_group_size=100)
    return Project(folder)


def rows_of(made: Project) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(made.split(name)) for name in PARTS}


def in_batches(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(raw_table, "WHOLE", 10)
    patch.setattr(raw_table, "BATCH", 250)


@pytest.mark.parametrize("group", [None, "house"])
def test_batches_give_the_same_parts_as_the_whole_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str | None
) -> None:
    made = project(tmp_path, group=group)
    run(made)
    whole, sizes = rows_of(made), []
    in_batches(monkeypatch)
    raw = raw_table.RawTable.of(made.data, made.settings.columns)
    sizes = [len(frame) for frame in raw.batches()]
    assert max(sizes) < 500 < ROWS == sum(sizes)
    assert run(made) == {name: len(rows) for name, rows in whole.items()}
    for name, rows in rows_of(made).items():
        pd.testing.assert_frame_equal(rows, whole[name])


@pytest.mark.parametrize("split", [{}, {"group": "house"}, {"by_time": "weight"}])
def test_training_rows_are_a_sample_that_depends_on_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: dict[str, object]
) -> None:
    every = project(tmp_path / "every", **split)
    run(every)
    full = rows_of(every)
    assert not every.sampled.exists()
    in_batches(monkeypatch)
    kept = {}
    for most in (300, 200):
        made = project(tmp_path / str(most), train_rows=most, **split)
        run(made)
        found = rows_of(made)
        for name in set(PARTS) - {"train"}:
            pd.testing.assert_frame_equal(found[name], full[name])
        kept[most] = set(found["train"]["key"])
        assert kept[most] < set(full["train"]["key"])
        assert most - 4 < len(kept[most]) <= most
        assert read_json(made.sampled) == {"train": len(kept[most]), "of": len(full["train"])}
    assert kept[200] < kept[300]
    if "group" in split:
        rows = full["train"][full["train"]["house"].isin(found["train"]["house"])]
        assert len(rows) == len(found["train"])


def test_all_rows_are_kept_if_the_sample_would_have_all_of_them(tmp_path: Path) -> None:
    made = project(tmp_path, train_rows=ROWS)
    run(made)
    assert not made.sampled.exists()


def test_the_command_says_that_rows_are_left_out(tmp_path: Path) -> None:
    project(tmp_path, train_rows=200)
    said = Toy(tmp_path).sluice("split")
    assert "the train part is a sample of 200 of" in said.said
