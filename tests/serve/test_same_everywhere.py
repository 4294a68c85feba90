"""Any row gets the same score from the server and from batch scoring, or the same refusal."""

from __future__ import annotations

import asyncio
import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model import NO_SCORE, InputError, Model
from sluice.serve.batch.column_plan import plan_columns
from sluice.serve.batch.csv_file import CsvFile
from sluice.serve.batch.row_file import RowFile
from sluice.serve.batch.score import score as score_batch
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http.inference import Inference
from sluice.serve.http.records import Records
from sluice.serve.queue import ScoringQueue
from sluice.serve.recorder import Recorder
from sluice.serve.request import ScoringRequest
from support.fixture_project import Toy
from support.serving import any_values
from support.serving.any_values import NUMBERS, SIGNATURE, TEXTS
from support.serving.scoring import score

Answer = float | tuple[str | None, str]
Row = dict[str, Any]

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.sampled_from(NUMBERS) | st.floats(allow_nan=False),
            "y": st.sampled_from(NUMBERS),
            "c": st.sampled_from(TEXTS)
            | st.text(st.characters(exclude_characters="\r\x00", codec="utf-8"), max_size=3),
        }
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(any_values.write_model(tmp_path_factory.mktemp("model")))


def _answer(model: Model, read: Callable[[], ScoringRequest]) -> Answer:
    """What the server answers to a request with one row: its score, or column and problem."""

    async def run() -> Answer:
        metrics: Any = SimpleNamespace(scored=lambda scores, sizes: None, count=lambda: None)
        queue = ScoringQueue(model, None, Recorder(SIGNATURE, []), metrics, 10)
        try:
            return float((await queue.submit(read())).values[0])
        except InputError as error:
            return error.column, error.problem
        except RequestRefusedError as error:
            return None, error.message.removeprefix("row 0: ")

    return asyncio.run(run())


def _with_records(model: Model, row: Row) -> Answer:
    body = json.dumps({"records": [row]}).replace("Infinity", "1e999").encode()
    return _answer(model, lambda: Records(SIGNATURE, "m", "1", 10).read(body, "i", 0.0))


def _with_tensors(model: Model, row: Row) -> Answer:
    kinds = {"number": "FP64", "category": "BYTES"}
    inputs = [
        {"name": c.name, "datatype": kinds[c.type], "shape": [1, 1], "data": [row[c.name]]}
        for c in SIGNATURE.inputs
    ]
    body = json.dumps({"inputs": inputs}).replace("Infinity", "1e999").encode()
    reader = Inference(SIGNATURE, "m", "1", 10, 16)
    return _answer(model, lambda: reader.read(body, None, "i", 0.0)[0])


def _with_batch(model: Model, file: RowFile) -> list[Answer]:
    plan = plan_columns(SIGNATURE, file.columns, [], "rows", parsed=file.parsed)
    answers: dict[int, Answer] = {}
    for read in file.batches(1_000):
        done = score_batch(model, plan, read.batch.select(plan.columns.names))
        scores = done.scored.to_pydict()["score"]
        answers |= dict(zip(done.scored_at.tolist(), scores, strict=True))
        told = [(row["column"], row["problem"]) for row in done.refused.to_pylist()]
        answers |= dict(zip(done.refused_at.tolist(), told, strict=True))
    return [answers[row] for row in sorted(answers)]


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_a_row_has_one_score_or_one_refusal(
    model: Model, tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    from sluice.serve.batch.parquet_file import ParquetFile

    folder = tmp_path_factory.mktemp("rows")
    pq.write_table(any_values.table(rows).drop_columns("key"), folder / "rows.parquet")
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["x", "y", "c"], delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    expected = [_with_records(model, row) for row in rows]
    assert [_with_tensors(model, row) for row in rows] == expected
    assert _with_batch(model, ParquetFile(folder / "rows.parquet")) == expected
    names = [column.name for column in SIGNATURE.inputs]
    assert _with_batch(model, CsvFile(folder / "rows.csv", names)) == expected
    assert all(isinstance(answer, tuple) or math.isfinite(answer) for answer in expected)


def test_the_rows_of_these_tests_are_scored_and_refused_in_every_way(model: Model) -> None:
    answers = [_with_records(model, row) for row in any_values.records(200, 1)]
    problems = {answer[1] for answer in answers if isinstance(answer, tuple)}
    assert NO_SCORE in problems
    assert len(problems) == 2
    assert len(problems) < sum(isinstance(answer, float) for answer in answers)


def test_a_row_without_a_finite_score_goes_to_the_quarantine(
    built: Callable[[str], Toy], tmp_path: Path
) -> None:
    toy = built("binary")
    package = any_values.write_package(toy.package, tmp_path)
    rows = [
        {"key": "a", "x": 0.0, "y": 1.0, "c": "NA"},
        {"key": "b", "x": 1e300, "y": 1, "c": "NA"},
    ]
    pq.write_table(any_values.table(rows), tmp_path / "rows.parquet")
    output = tmp_path / "out.parquet"
    ran = score(toy, tmp_path / "rows.parquet", output, status=1, package=package)
    assert ran.line.startswith("1 of 2 rows were refused")
    assert pq.read_table(output)["row"].to_pylist() == [0]
    (refused,) = pq.read_table(tmp_path / "out.quarantine.parquet").to_pylist()
    assert refused == {"row": 1, **rows[1], "column": None, "problem": NO_SCORE}
