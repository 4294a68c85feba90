"""What INPUT names: one file, a folder of them, or a glob; alike in their columns."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import SluiceError
from sluice.serve.batch.arrow_file import ArrowFile
from sluice.serve.batch.csv_file import CsvFile
from sluice.serve.batch.parquet_file import ParquetFile
from sluice.serve.batch.row_file import RowFile

_KINDS: dict[str, type[ParquetFile] | type[CsvFile] | type[ArrowFile]] = {
    ".parquet": ParquetFile,
    ".csv": CsvFile,
    ".arrow": ArrowFile,
    ".arrows": ArrowFile,
    ".feather": ArrowFile,
    ".ipc": ArrowFile,
}


@dataclass(frozen=True)
class InputFile:
    """A file of the input and what it is called there."""

    path: Path
    name: str
    file: RowFile


def find(given: str) -> list[tuple[Path, str]]:
    """The files in sorted order, hidden ones left out."""
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
        raise SluiceError(f"{given}: holds no files to score")
    return paths


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)


def open_all(given: str) -> list[InputFile]:
    """Raises SluiceError for a file that cannot be read or differs from the first."""
    sources = [InputFile(path, name, _open(path)) for path, name in find(given)]
    first = sources[0]
    expected = {field.name: field.type for field in first.file.columns}
    for source in sources[1:]:
        for name, type_ in {field.name: field.type for field in source.file.columns}.items():
            if expected.get(name) != type_:
                raise SluiceError(
                    f"{source.path}: column {name!r} holds {type_}, "
                    f"{expected.get(name, 'and is not')} in {first.path}"
                )
        missing = sorted(set(expected) - set(source.file.columns.names))
        if missing:
            raise SluiceError(f"{source.path}: column {missing[0]!r} of {first.path} is missing")
    return sources


def _open(path: Path) -> RowFile:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise SluiceError(f"{path}: expected a name that ends in {', '.join(_KINDS)}")
    return kind(path)


def refuse_within(output: Path, given: str) -> None:
    """Raise SluiceError where a run would read what it, or an earlier one, has written."""
    target, source = output.absolute(), Path(given).absolute()
    if source.is_dir():
        inside = source.resolve() in target.parent.resolve().joinpath(target.name).parents
    elif source.exists():
        inside = target.exists() and target.samefile(source)
    else:
        inside = target.match(str(source))
    if inside:
        raise SluiceError(f"{output}: lies in the input {given}; write it elsewhere")
