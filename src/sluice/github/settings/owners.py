"""Check that `.github/CODEOWNERS` names an owner for every file that decides what may pass.

A required review by code owners has no effect for a path without an owner, or with an owner that
GitHub does not know. So every path that is not clearly owned is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sluice import files
from sluice.contribution.deciding_files import UNOWNED
from sluice.errors import SluiceError
from sluice.github.api.client import Client
from sluice.github.api.connection import RefusedError
from sluice.github.settings.desired import Reviewer

# A login on GitHub cannot have two hyphens in a row, so nobody can register this one.
PLACEHOLDER = "@--owner--"

_OWNER = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII
)


class Fault(Struct):
    """An error that GitHub finds in CODEOWNERS."""

    line: int
    kind: str
    source: str | None = None
    suggestion: str | None = None


class _Faults(Struct):
    errors: list[Fault]


def path(settings: Path) -> Path:
    """The path of CODEOWNERS. settings: the folder .github/settings."""
    return settings.parent / "CODEOWNERS"


def unnamed(settings: Path) -> bool:
    """Whether the file still has the placeholder instead of an owner."""
    return any(PLACEHOLDER in owners for _, owners in _lines(_text(settings)))


def write(settings: Path, reviewers: list[Reviewer], organisation: str) -> None:
    """Replace the placeholder with the reviewers. organisation: the owner of their teams."""
    named = " ".join(
        f"@{one.user}" if one.user else f"@{organisation}/{one.team}" for one in reviewers
    )
    file = path(settings)
    lines = _text(settings).splitlines(keepends=True)
    written = "".join(
        line if line.lstrip().startswith("#") else line.replace(PLACEHOLDER, named)
        for line in lines
    )
    files.write(file, written.encode())


def faults(settings: Path) -> list[str]:
    """The faults of the file that can be found without GitHub, one line each."""
    file = path(settings)
    if not file.is_file():
        return [f"{file} is missing, so no review by a code owner is required: restore it"]
    if unnamed(settings):
        return [
            f"{file}: {PLACEHOLDER} is a placeholder, so no review by a code owner is required: "
            "run 'sluice github setup', which names the reviewers there"
        ]
    lines = list(_lines(_text(settings)))
    said = [
        f"{file}: {owner!r} is not an owner: expected @LOGIN, @ORGANISATION/TEAM or an e-mail "
        "address"
        for owner in dict.fromkeys(owner for _, owners in lines for owner in owners)
        if not _OWNER.fullmatch(owner)
    ]
    if not lines or lines[0][0] != "*" or not lines[0][1]:
        said.append(
            f"{file}: the first rule must be '*' with its owners, so that it covers all files"
        )
    return said + [
        f"{file}: {pattern} has no owner: name one; only {', '.join(UNOWNED)} need none"
        for pattern, owners in lines
        if not owners and pattern not in UNOWNED
    ]


def exceptions(client: Client) -> list[str]:
    """The errors that GitHub finds in the file on the default branch, one line each."""
    repos = client.rest.repos
    try:
        found = client.read(_Faults, lambda: repos.codeowners_errors(*client.place))
    except RefusedError as refused:
        if refused.status == 404:
            return [f"CODEOWNERS on {client.access.repository}: missing: commit and push it"]
        raise
    return [
        f"CODEOWNERS on {client.access.repository}: line {one.line}: {one.kind}"
        + (f" in '{one.source.strip()}'" if one.source else "")
        + (f": {one.suggestion}" if one.suggestion else "")
        for one in found.errors
    ]


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each pattern with its owners."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words[0], words[1:]


def _text(settings: Path) -> str:
    try:
        return path(settings).read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise SluiceError(f"{path(settings)} is not UTF-8: {error}") from None
