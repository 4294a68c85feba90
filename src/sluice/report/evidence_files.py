"""Read the files that training and the gates leave under out/."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sluice.files import decode_json
from sluice.project import Project
from sluice.report.evidence import Curves
from sluice.task import Task

T = TypeVar("T")

# The plots of each task. Without a task, every existing curve is read.
CURVES: dict[Task, tuple[str, ...]] = {
    "binary": ("roc", "precision_recall", "calibration", "cost", "confusion"),
    "multiclass": ("confusion",),
    "regression": ("residuals",),
}


class EvidenceFiles:
    """Reads evidence; `missing` has a sentence for each file that is absent or not readable."""

    def __init__(self, project: Project) -> None:
        self._out = project.out
        self.missing: list[str] = []

    def read(self, where: str, kind: type[T], *, required: bool = True) -> T | None:
        """The content of out/`where`, decoded as `kind`; None without a valid file. Only a
        required file is reported as missing.
        """
        try:
            return decode_json((self._out / where).read_bytes(), kind)
        except FileNotFoundError:
            if required:
                self.missing.append(f"out/{where} is missing")
        except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
            problem = error.strerror if isinstance(error, OSError) else error
            self.missing.append(f"out/{where} is not readable: {problem}")
        return None

    def curves(self, task: Task | None) -> Curves:
        """The curves that the task's plots need."""
        names = CURVES[task] if task else Curves.__struct_fields__
        kinds: dict[str, Any] = {f.name: f.type for f in msgspec.structs.fields(Curves)}
        found = {
            name: self.read(f"evidence/performance/{name}.json", kinds[name], required=bool(task))
            for name in names
        }
        return Curves(**{name: points for name, points in found.items() if points is not None})

    def rows(self, split: Path) -> int | None:
        """How many rows a Parquet file has, from its footer; None if it is not readable."""
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import read_metadata

        try:
            return int(read_metadata(split).num_rows)
        except (OSError, ArrowInvalid):
            return None
