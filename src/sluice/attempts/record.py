"""The names under which runs of CI record the models that they have judged.

A run uploads an artifact with such a name. The content of the artifact is not read: the name has
the digests of the table and of the model from the report, and anyone who may start a run can choose
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.judged import Model

PREFIX = "judged-"
NONE = "judged-none"  # if no model was judged
_NAME = re.compile(r"judged-([0-9a-f]{16})-([0-9a-f]{16})")


class _Report(msgspec.Struct, frozen=True):
    """The fields of a report that are read; anyone who may start a run can have written it."""

    judged: Model | None = None


class Attempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The models that other runs have judged, and on which tables."""

    judged: tuple[Model, ...]


def name(report: bytes) -> str:
    """The name for the model of a run, whose report.json this is.

    Raises SluiceError if it is not a report.
    """
    try:
        model = decode_json(report, _Report).judged
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"not a report: {error}") from None
    found = f"{PREFIX}{model.table}-{model.model}" if model else NONE
    if model and not _NAME.fullmatch(found):
        raise SluiceError(f"not a report: {found!r} does not name a model")
    return found


def of_names(names: Iterable[str]) -> Attempts:
    """The models that these names of artifacts contain; other names are left out."""
    found = {match.groups() for each in names if (match := _NAME.fullmatch(each))}
    return Attempts(tuple(Model(model, table) for table, model in sorted(found)))


def write(path: Path, attempts: Attempts) -> None:
    """Write the file that `read` reads."""
    files.write(path, files.encode_record(attempts))


def read(path: Path) -> Attempts:
    """Raises SluiceError for a file that `sluice attempts fetch` has not written."""
    try:
        return decode_json(path.read_bytes(), Attempts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path}: {error}; run 'sluice attempts fetch' again") from None
