"""`sluice staging batch`: score the recorded rows with `sluice score`, as CSV and Parquet."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from sluice.errors import SluiceError
from sluice.metrics import Floats
from sluice.model import Scalar, Signature, difference, scale_of
from sluice.package.archive import Package
from sluice.package.verify import verified
from sluice.scenario import Book, Recorded, Row
from sluice.verdict import Bound, Finding, Status, Verdict, judge

if TYPE_CHECKING:
    import pyarrow as pa

GATE = "test-batch"

_SAMPLE = "holdout"
_REFUSED = 1  # the exit status of 'sluice score' if rows were put into quarantine
_SECONDS = 600  # the limit for one call of 'sluice score'
_SHOWN = 5  # rows, in the reason of a finding


def run(file: Path) -> Verdict:
    """Check that each row gets its recorded score, and that an invalid row is quarantined.

    Raises SluiceError for a package that does not verify, or has no recorded scores.
    """
    with verified(file) as package, TemporaryDirectory(prefix="sluice-batch-") as scratch:
        book = package.scenarios
        recorded = _recorded(book, str(file))
        trial = _Trial(file.resolve(), package, recorded, book.samples[_SAMPLE], Path(scratch))
        return Verdict.of(GATE, [*trial.run("csv"), *trial.run("parquet")])


def _recorded(book: Book, where: str) -> Recorded:
    for each in book.scenarios:
        if isinstance(each, Recorded) and each.sample == _SAMPLE and book.samples.get(_SAMPLE):
            return each
    raise SluiceError(
        f"{where}: scenarios/scenarios.json has no recorded scores of the sample {_SAMPLE!r}; "
        "build the package again with 'make package'"
    )


class _Trial:
    """The rows of the sample, written and scored in one format after the other."""

    def __init__(
        self, file: Path, package: Package, recorded: Recorded, rows: list[Row], scratch: Path
    ) -> None:
        self._file, self._recorded, self._rows, self._scratch = file, recorded, rows, scratch
        self._signature = package.signature

    def run(self, kind: str) -> list[Finding]:
        source, output = self._scratch / f"rows.{kind}", self._scratch / f"{kind}-scores.parquet"
        bad = _invalid_row(self._signature, kind)
        # In the middle, so that a lost or moved row is noticed.
        at = len(self._rows) // 2
        rows = [*self._rows[:at], *([bad] if bad else []), *self._rows[at:]]
        {"csv": _write_csv, "parquet": _write_parquet}[kind](source, rows, self._signature)
        done = _score(self._file, source, output)
        expected = _REFUSED if bad else 0
        if done.returncode != expected or not output.is_file():
            last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
            why = (
                f"'sluice score' ended with exit status {done.returncode} instead of {expected}: "
                f"{last}"
            )
            return [Finding(f"{GATE}/{kind}", Status.FAIL, why)]
        kept = [row for row in range(len(rows)) if not bad or row != at]
        findings = [self._scores(kind, output, kept)]
        return [*findings, _quarantine(kind, output, at)] if bad else findings

    def _scores(self, kind: str, output: Path, rows: list[int]) -> Finding:
        import pyarrow.parquet as pq

        name, count = f"{GATE}/{kind} scores", len(rows)
        table = pq.read_table(output)
        # Columns: the number of the row, its scores, and the decision if there are classes.
        if table.column(0).to_pylist() != rows:
            why = f"the rows in the output are not the {count} valid rows in their order"
            return Finding(name, Status.FAIL, why, n=count)
        expected = np.array(self._recorded.scores)
        scores = _columns(table, 1, 1 + expected.shape[1])
        scale = scale_of(self._signature.task, expected)
        bound = Bound("the recorded scores", high=self._recorded.tolerance)
        return judge(name, difference(expected, scores, scale), bound, n=count)


def _columns(table: pa.Table, first: int, end: int) -> Floats:
    return np.column_stack([table.column(at).to_numpy() for at in range(first, end)])


def _invalid_row(signature: Signature, kind: str) -> dict[str, Scalar] | None:
    """A row that must not be scored; None without numeric inputs, as any category is valid."""
    if not signature.numbers:
        return None
    first = signature.numbers[0]
    return {**dict.fromkeys(_names(signature)), first: "many" if kind == "csv" else math.inf}


def _names(signature: Signature) -> list[str]:
    return [column.name for column in signature.inputs]


def _write_csv(path: Path, rows: Sequence[Row], signature: Signature) -> None:
    names = _names(signature)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([row[name] for name in names] for row in rows)


def _write_parquet(path: Path, rows: Sequence[Row], signature: Signature) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {name: [row[name] for row in rows] for name in signature.numbers}
    categories = {name: [row[name] for row in rows] for name in signature.categories}
    columns = {name: pa.array(values, pa.float64()) for name, values in numbers.items()}
    columns |= {name: pa.array(values, pa.string()) for name, values in categories.items()}
    pq.write_table(pa.table(columns), path)


def _score(package: Path, source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "sluice.cli", "score"]
    command += [str(package), str(source), str(output)]
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=source.parent,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SluiceError(
            f"{package}: 'sluice score' did not finish within {_SECONDS} s; run it by "
            "hand to see why"
        ) from None


def _quarantine(kind: str, output: Path, row: int) -> Finding:
    import pyarrow.parquet as pq

    path = output.with_name(f"{output.stem}.quarantine.parquet")
    held = pq.read_table(path).column(0).to_pylist() if path.is_file() else []
    status = Status.PASS if held == [row] else Status.FAIL
    why = f"the invalid row was number {row}; the quarantine has the rows {held[:_SHOWN]}"
    return Finding(f"{GATE}/{kind} quarantine", status, why, n=1)
