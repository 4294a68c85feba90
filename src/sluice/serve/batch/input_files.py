"""Finds and opens the files that INPUT names, which must have the same columns."""

from __future__ import annotations

import glob
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import SluiceError
from sluice.serve.batch.arrow_file import ArrowFile
from sluice.serve.batch.csv_file import CsvFile
from sluice.serve.batch.parquet_file import ParquetFile
from sluice.serve.batch.row_file import RowFile

_KINDS: dict[str, type[ParquetFile] | type[ArrowFile]] = {
    ".parquet": ParquetFile,
    ".arrow": ArrowFile,
    ".arrows": ArrowFile,
    ".feather": ArrowFile,
    ".ipc": ArrowFile,
}
_CSV = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class InputFile:
    """An opened file of the input. name: its name in the output."""

    path: Path
    name: str
    file: RowFile


def find(given: str) -> list[tuple[Path, str]]:
    """The paths and names of the input's files, sorted, without hidden ones.

    given: a file, a folder or a glob pattern. Raises SluiceError if there are none.
    """
    path = Path(given)
    if path.is_dir():
        found = [(p, p.relative_to(path)) for p in sorted(path.rglob("*")) if p.is_file()]
        paths = [(p, name.as_posix()) for p, name in found if not _hidden(name.parts)]
    elif path.exists():
        paths = [(path, path.name)]
    elif glob.has_magic(given):
        matched = [Path(match) for match in sorted(glob.glob(given))]
        paths = [(p, str(p)) for p in matched if p.is_file() and not _hidden([p.name])]
    else:
        raise SluiceError(f"{given}: no such file or folder")
    if not paths:
        raise SluiceError(f"{given}: contains no files to score")
    return paths


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)


def open_all(given: str, names: Collection[str]) -> list[InputFile]:
    """Open all files; raises SluiceError if one cannot be read or differs from the first.

    names: the expected columns.
    """
    files = [InputFile(path, name, _open(path, names)) for path, name in find(given)]
    for file in files[1:]:
        _refuse_other_columns(file, files[0])
    return files


def _refuse_other_columns(file: InputFile, first: InputFile) -> None:
    expected = {field.name: field.type for field in first.file.columns}
    for name, type_ in {field.name: field.type for field in file.file.columns}.items():
        if name not in expected:
            raise SluiceError(f"{file.path}: column {name!r} does not exist in {first.path}")
        if expected[name] != type_:
            raise SluiceError(
                f"{file.path}: column {name!r} has type {type_}, but {expected[name]} "
                f"in {first.path}"
            )
    missing = sorted(set(expected) - set(file.file.columns.names))
    if missing:
        raise SluiceError(f"{file.path}: column {missing[0]!r} of {first.path} is missing")


def _open(path: Path, names: Collection[str]) -> RowFile:
    suffix = path.suffix.lower()
    if suffix in _CSV:
        return CsvFile(path, names)
    kind = _KINDS.get(suffix)
    if kind is None:
        raise SluiceError(f"{path}: expected a name that ends in {', '.join([*_CSV, *_KINDS])}")
    return kind(path)
