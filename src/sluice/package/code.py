"""Which code of sluice ran the gates of a package: one SHA-256 of all of its files.

The version number stays the same between commits, so it does not identify the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import sluice
from sluice.files import sha256, sha256_of_file

_FOLDER = "code/sluice/"


@cache
def own() -> str:
    """The digest of the code that is running."""
    root = Path(sluice.__file__).parent
    return _digest(
        {
            path.relative_to(root).as_posix(): sha256_of_file(path)
            for path in root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    )


def packaged(digests: Mapping[str, str]) -> str:
    """The digest of the code in a package. digests: the SHA-256 of each of its files, by path."""
    own_files = {path: digest for path, digest in digests.items() if path.startswith(_FOLDER)}
    return _digest({path.removeprefix(_FOLDER): digest for path, digest in own_files.items()})


def _digest(digests: Mapping[str, str]) -> str:
    return sha256("".join(f"{one}  {path}\n" for path, one in sorted(digests.items())).encode())
