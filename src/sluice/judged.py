"""Which models were judged on which rows: judged.jsonl, to which every run adds its model.

The file is part of the commit, so that the same commit gives the same verdicts: a run adds the
model before the gates count the models. Git merges the lines of two branches, and a contribution
must keep all lines of its base.

With another seed or split, the same model counts again. A judgement counts as long as at least half
of the rows of the current holdout were in its table. A sample of the rows of each table is
recorded, chosen by a hash of the id and the target, or of the entire row if there is no id. New
columns or changed inputs therefore do not make a row new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice import files, table
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.model import read_signature
from sluice.project import Project

if TYPE_CHECKING:
    from pandas import DataFrame

Hashes = NDArray[np.int64]

FILE = "judged.jsonl"

_PARTS = ("train", "validation", "holdout", "latest")
_NOTED = 128  # rows of each table
_RANGE = 2**32
_KNOWN = 0.5  # the smallest share of known rows for which a judgement counts


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """A table, and the hashes of those of its rows whose hash is below 2^32 * 128 / rows."""

    table: str
    rows: int
    noted: tuple[str, ...]

    @property
    def limit(self) -> int:
        """The 32-bit hashes of the recorded rows are below this limit."""
        return min(_RANGE, _RANGE * _NOTED // max(1, self.rows))


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="model"):
    """A model that was judged on the holdout of a table."""

    model: str
    table: str


Line = Table | Model


def read(content: bytes) -> list[Line]:
    """The lines of the file. Raises SluiceError for a line that no run can have written."""
    lines: list[Line] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            lines.append(decode_json(line, Line))  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SluiceError(
                f"{FILE}, line {number}: {error}; restore the lines of the base branch, and let "
                "'sluice run' add the new ones"
            ) from None
    return lines


def record(project: Project) -> None:
    """Add the current model, and the table that it was made from, unless they are in the file."""
    path = project.root / FILE
    before = path.read_bytes() if path.is_file() else b""
    lines = read(before)
    name = _judgement(project)
    if not any(isinstance(line, Model) and line.model == name for line in lines):
        noted = _note(project)
        lines += [noted, Model(name, noted.table)]
    made = b"".join(sorted({msgspec.json.encode(line) + b"\n" for line in lines}))
    if made != before:
        files.write(path, made)


def count(project: Project, holdout: DataFrame, others: Iterable[Model] = ()) -> int:
    """How many models were judged on rows of this holdout, including the current one.

    others: models that are not in the file. A model in `others` also counts if its table is not in
    the file, because the rows may be the same.
    """
    path = project.root / FILE
    lines = read(path.read_bytes()) if path.is_file() else []
    hashes = _hashes(holdout, project)
    tables = {line.table: _knows(line, hashes) for line in lines if isinstance(line, Table)}
    models = {each.model for each in lines if isinstance(each, Model) and tables.get(each.table)}
    models |= {each.model for each in others if tables.get(each.table, True)}
    return len(models | {_judgement(project)})


def current(project: Project) -> Model:
    """The current model and the table that it was made from."""
    return Model(_judgement(project), _note(project).table)


def missing(base: bytes, here: bytes) -> int:
    """How many lines of the base's judged.jsonl are missing here. Raises SluiceError if one of the
    two files is not valid.
    """
    return len(set(read(base)) - set(read(here)))


def _knows(noted: Table, hashes: Hashes) -> bool:
    """Whether half of the holdout's rows were in the table; also true if none can be compared."""
    comparable = hashes[hashes < noted.limit].tolist()
    found = set(noted.noted)
    known = sum(f"{value:08x}" in found for value in comparable)
    return known >= _KNOWN * len(comparable)


def _note(project: Project) -> Table:
    names = _noted_columns(project)
    parts = [_hashes(table.read_split(project.split(part), names), project) for part in _PARTS]
    hashes = np.concatenate(parts)
    limit = Table("", len(hashes), ()).limit
    noted = sorted({f"{value:08x}" for value in hashes[hashes < limit].tolist()})
    name = _digest(json.dumps([len(hashes), noted]).encode())
    return Table(name, len(hashes), tuple(noted))


def _noted_columns(project: Project) -> list[str] | None:
    """The columns whose values are noted; None for all of them."""
    data = project.settings.data
    return None if data.id is None else [data.id, data.target]


def _hashes(frame: DataFrame, project: Project) -> Hashes:
    names = _noted_columns(project)
    rows = (frame if names is None else frame[names]).itertuples(index=False, name=None)
    texts = ("\x1f".join(map(str, row)) for row in rows)
    found = (
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
        for text in texts
    )
    return np.fromiter(found, np.int64, len(frame))


def _judgement(project: Project) -> str:
    """The identity of the model, including what decides on which rows and how it is judged.

    Only the decision rule of its signature counts, because a new version of sluice may write the
    rest differently.
    """
    settings = project.settings
    decision = read_signature(project.model / "signature.json").decision
    chosen = [
        settings.seed,
        settings.split.model_dump(exclude={"train_rows"}),
        msgspec.to_builtins(decision),
    ]
    parts = (project.model / "model.onnx").read_bytes(), json.dumps(chosen, sort_keys=True).encode()
    return _digest(b"".join(hashlib.sha256(part).digest() for part in parts))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
