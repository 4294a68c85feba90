"""Reviewed files say where images are pushed, their base image, and who reports on canaries.

Everyone with write access can set repository variables, so these cannot override the files.
"""

from __future__ import annotations

import os
from typing import Annotated

import msgspec

from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.github import SETTINGS
from sluice.image import base

FILE = SETTINGS / "delivery.json"


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    registry: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?\Z")]
    server: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,39}(\[bot\])?\Z")] | None = None


def registry() -> str:
    """The registry in the file; raises SluiceError if it is missing or not valid."""
    return _read().registry


def server() -> str | None:
    """The account with which production's server reports on canaries; None if there is no server.

    Raises SluiceError like `registry`.
    """
    return _read().server


def _read() -> _Place:
    try:
        return decode_json(FILE.read_bytes(), _Place)
    except FileNotFoundError:
        raise SluiceError(f"{FILE} is missing: run this in the project's folder") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{FILE} is not valid: {error}") from None


def require() -> str:
    """The registry; raises SluiceError if a repository variable names another one, or another base.

    The variables REGISTRY and BASE_IMAGE come from the environment, empty if they are not set.
    """
    found = registry()
    reviewed = (("REGISTRY", found, str(FILE)), ("BASE_IMAGE", base.pinned(), str(base.FILE)))
    for name, value, file in reviewed:
        said = os.environ.get(name) or value
        if said != value:
            raise SluiceError(
                f"the repository variable {name} is {said!r}, but {file} says {value}: delete the "
                f"variable, or change {file} in a pull request"
            )
    return found
