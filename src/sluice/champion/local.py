"""Who serves production, as `sluice release champion` has put it into a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.errors import SluiceError

FILE, PACKAGE = "champion.json", "package.tar"


class Champion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nobody, where `release` is null. image: the one delivered with the package, by digest."""

    release: str | None
    sha256: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class Serving:
    """`name` is that of the release, or of the file where a package was named itself."""

    name: str
    package: Path
    image: str | None = None


def find(where: Path) -> Serving | None:
    """Who serves production by that folder, or the package itself; None if nobody does yet.

    Raises SluiceError where neither can be told: silence is not nobody.
    """
    if where.is_file():
        return Serving(where.stem, where)
    try:
        said = msgspec.json.decode((where / FILE).read_bytes(), type=Champion)
    except FileNotFoundError:
        raise SluiceError(
            f"{where}: no champion was put there: 'sluice release champion' fetches it"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise SluiceError(f"{where / FILE}: not readable: {error}") from None
    if said.release is None:
        return None
    package = where / PACKAGE
    if not package.is_file():
        raise SluiceError(f"{package} is missing: 'sluice release champion' fetches it")
    with package.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != said.sha256:
            raise SluiceError(f"{package} is not the package that was fetched: fetch it again")
    return Serving(said.release, package, said.image)
