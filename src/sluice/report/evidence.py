"""The shapes of what the build and the gates leave behind, as far as the report shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from sluice.model import Decision
from sluice.project import Project
from sluice.task import Task

T = TypeVar("T")


class Measured(msgspec.Struct, frozen=True):
    """A number with its confidence interval; null where it is not defined."""

    estimate: float | None
    low: float | None = None
    high: float | None = None


class Candidate(msgspec.Struct, frozen=True):
    decision: Decision
    metrics: dict[str, float | None]


class Selection(msgspec.Struct, frozen=True):
    """Who was tried on the validation rows, and who was chosen by `metric`."""

    chosen: str
    metric: str
    validation_rows: int
    candidates: dict[str, Candidate]


class Metrics(msgspec.Struct, frozen=True):
    rows: int
    metrics: dict[str, Measured]
    baselines: dict[str, float | None] = {}


class Roc(msgspec.Struct, frozen=True):
    false_positive_rate: float
    true_positive_rate: float


class PrecisionRecall(msgspec.Struct, frozen=True):
    recall: float
    precision: float


class Calibration(msgspec.Struct, frozen=True):
    """A group of rows: its mean score, and the share of it that came true."""

    score: float
    frequency: float


class Cost(msgspec.Struct, frozen=True):
    threshold: float
    cost: float


class Cell(msgspec.Struct, frozen=True):
    actual: str
    predicted: str
    rows: int


class Residual(msgspec.Struct, frozen=True):
    predicted: float
    actual: float


class Curves(msgspec.Struct, frozen=True):
    """Each empty where the task has no such curve, or where it is missing."""

    roc: tuple[Roc, ...] = ()
    precision_recall: tuple[PrecisionRecall, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    cost: tuple[Cost, ...] = ()
    confusion: tuple[Cell, ...] = ()
    residuals: tuple[Residual, ...] = ()


class Group(msgspec.Struct, frozen=True):
    group: str
    rows: int
    measures: dict[str, Measured]


class Grouping(msgspec.Struct, frozen=True):
    """The groups of one sensitive column, or of several together, and how far they lie apart."""

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    between: dict[str, Measured] = {}

    @property
    def title(self) -> str:
        return " & ".join(self.columns)


class Importance(msgspec.Struct, frozen=True):
    column: str
    importance: float
    share: float | None = None
    sign: Literal["raises", "lowers", "mixed"] | None = None


class Because(msgspec.Struct, frozen=True):
    column: str
    value: str
    contribution: float


class Pair(msgspec.Struct, frozen=True):
    """A metric of candidate and champion on the same rows; a positive gain is for the better."""

    candidate: float | None
    champion: float | None
    gain: float | None
    low: float | None = None
    high: float | None = None


class Comparison(msgspec.Struct, frozen=True):
    """With the champion, by the name of its release; with nobody where that is null."""

    release: str | None
    rows: int = 0
    metrics: dict[str, Pair] = {}


class Explained(msgspec.Struct, frozen=True):
    """One row's score and the columns that moved it most."""

    row: str
    score: float
    because: tuple[Because, ...] = ()


# Which curves a task draws; without a task, every one that is there.
CURVES: dict[Task, tuple[str, ...]] = {
    "binary": ("roc", "precision_recall", "calibration", "cost", "confusion"),
    "multiclass": ("confusion",),
    "regression": ("residuals",),
}


class Reader:
    """Reads evidence, and notes in `missing` what is not there or not readable."""

    def __init__(self, project: Project) -> None:
        self._out = project.out
        self.missing: list[str] = []

    def read(self, where: str, kind: type[T], *, wanted: bool = True) -> T | None:
        """The file `where` under out/ as `kind`, or None."""
        try:
            return msgspec.json.decode((self._out / where).read_bytes(), type=kind)
        except FileNotFoundError:
            if wanted:
                self.missing.append(f"out/{where} is missing")
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            self.missing.append(f"out/{where} is not readable: {said}")
        return None

    def curves(self, task: Task | None) -> Curves:
        names = CURVES[task] if task else Curves.__struct_fields__
        kinds: dict[str, Any] = {f.name: f.type for f in msgspec.structs.fields(Curves)}
        found = {
            name: self.read(f"evidence/performance/{name}.json", kinds[name], wanted=bool(task))
            for name in names
        }
        return Curves(**{name: rows for name, rows in found.items() if rows is not None})

    def rows(self, part: Path) -> int | None:
        """How many rows a Parquet file holds, by its footer alone; None if it is not there."""
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import read_metadata

        try:
            return int(read_metadata(part).num_rows)
        except (OSError, ArrowInvalid):
            return None
