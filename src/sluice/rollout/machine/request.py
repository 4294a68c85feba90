"""The canary that GitHub requested from this machine: one file, to survive a restart."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sluice import files
from sluice.errors import SluiceError

_REQUEST = "request.json"


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version, digest: of the delivery. champion: its tag. run: that attested the request.

    deployment: its number on GitHub. reported: the state last reported to GitHub.
    """

    version: str
    digest: str
    champion: str
    run: int
    deployment: int
    reported: str = ""


def read(folder: Path) -> Request | None:
    """The last request; None if there was none. Raises SluiceError if it is unreadable."""
    path = folder / _REQUEST
    try:
        return files.decode_json(path.read_bytes(), Request)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path} does not say which canary GitHub asked for: {error}") from None


def write(folder: Path, request: Request) -> None:
    """Write the request completely or not at all."""
    files.write(folder / _REQUEST, files.encode_record(request))
