"""The names under which runs of CI record the models that they have judged.

A run uploads an artifact with such a name. Its content is not read: the name has the digests of
the table and of the model from judged.jsonl, and anyone who may start a run can choose it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sluice import files, judged
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.judged import Model
from sluice.project import Project

PREFIX = "judged-"
_NAME = re.compile(r"judged-([0-9a-f]{16})-([0-9a-f]{16})")


class Attempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The models that other runs have judged, and on which tables."""

    judged: tuple[Model, ...]


def name(project: Project) -> str | None:
    """The name for the model of this run, or None if no model was judged."""
    if not project.model.is_dir():
        return None
    current = judged.current(project)
    return f"{PREFIX}{current.table}-{current.model}"


def of_names(names: Iterable[str]) -> Attempts:
    """The models in these names; other names are left out."""
    found = {match.groups() for each in names if (match := _NAME.fullmatch(each))}
    return Attempts(tuple(Model(model, table) for table, model in sorted(found)))


def write(path: Path, attempts: Attempts) -> None:
    files.write(path, files.encode_record(attempts))


def read(path: Path) -> Attempts:
    """Raises SluiceError for a file that `sluice attempts fetch` has not written."""
    try:
        return decode_json(path.read_bytes(), Attempts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path}: {error}; run 'sluice attempts fetch' again") from None
