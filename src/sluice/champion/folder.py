"""The folder into which `sluice champion fetch` puts the champion, or says that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json

RECORD, PACKAGE = "champion.json", "package.tar"
_FETCH = "'sluice champion fetch'"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """champion.json. release: its tag, or None while there is no champion.

    sha256: the digest of package.tar. image: the image that was delivered with it, by digest.
    """

    release: str | None
    sha256: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class FetchedChampion:
    """The champion and where it is. name: the tag of its release, or the file's name if a package
    file was given.
    """

    name: str
    package: Path
    image: str | None = None


def write(folder: Path, record: Record) -> None:
    """Write champion.json."""
    content = files.encode_record(record)
    files.write(folder / RECORD, content)


def read(path: Path) -> FetchedChampion | None:
    """The champion in a folder, or from a package file; None if the folder says that there is none.

    Raises SluiceError if the folder has no record: a missing file does not mean no champion.
    """
    if path.is_file():
        return FetchedChampion(path.stem, path)
    try:
        record = decode_json((path / RECORD).read_bytes(), Record)
    except FileNotFoundError:
        raise SluiceError(
            f"{path} has no {RECORD}, so it is unknown which version serves production; run "
            f"{_FETCH}"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise SluiceError(f"{path / RECORD} is not readable: {error}; run {_FETCH}") from None
    if record.release is None:
        return None
    package = path / PACKAGE
    if not package.is_file():
        raise SluiceError(f"{package} is missing; run {_FETCH}")
    if files.sha256_of_file(package) != record.sha256:
        raise SluiceError(
            f"{package} is not the package that was fetched: its sha256 differs from the one in "
            f"{RECORD}; run {_FETCH} again"
        )
    return FetchedChampion(record.release, package, record.image)
