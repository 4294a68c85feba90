"""Who owns what decides: `.github/CODEOWNERS`, held against the list of what decides.

A rule that asks for a code owner's review asks nobody where a path has no owner, or one that
GitHub does not know. So whatever is not plainly owned counts as open.
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

# No login on GitHub has two hyphens in a row, so nobody can come to own a template's copy.
PLACEHOLDER = "@--owner--"

_OWNER = re.compile(
    r"@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9._-]+)?|[^@\s]+@[^@\s]+\.[^@\s]+", re.ASCII
)


class Fault(Struct):
    line: int
    kind: str
    source: str | None = None
    suggestion: str | None = None


class _Faults(Struct):
    errors: list[Fault]


def path(settings: Path) -> Path:
    return settings.parent / "CODEOWNERS"


def unnamed(settings: Path) -> bool:
    """Whether the placeholder stands where an owner should."""
    return any(PLACEHOLDER in owners for _, owners in _lines(_text(settings)))


def write(settings: Path, reviewers: list[Reviewer], organisation: str) -> None:
    """Name the reviewers in the placeholder's place: all of it or nothing."""
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
    """What the file leaves open, by itself."""
    file = path(settings)
    if not file.is_file():
        return [f"{file}: is missing, so nobody is asked to review what decides"]
    if unnamed(settings):
        return [
            f"{file}: {PLACEHOLDER} is nobody, so nobody is asked to review what decides; "
            "'sluice github setup' names the reviewers there"
        ]
    lines = list(_lines(_text(settings)))
    said = [
        f"{file}: {owner} is no owner: expected @LOGIN, @ORGANISATION/TEAM or an address"
        for owner in dict.fromkeys(owner for _, owners in lines for owner in owners)
        if not _OWNER.fullmatch(owner)
    ]
    if not lines or lines[0][0] != "*" or not lines[0][1]:
        said.append(f"{file}: must begin with '*' and its owners, so that nothing is left out")
    return said + [
        f"{file}: {pattern} has no owner, and is not among what is free: {', '.join(UNOWNED)}"
        for pattern, owners in lines
        if not owners and pattern not in UNOWNED
    ]


def exceptions(client: Client) -> list[str]:
    """What GitHub takes exception to, in the file as it is on the default branch."""
    repos = client.rest.repos
    try:
        found = client.read(_Faults, lambda: repos.codeowners_errors(*client.place))
    except RefusedError as refused:
        if refused.status == 404:
            return [f"CODEOWNERS on {client.access.repository}: GitHub finds none: commit it"]
        raise
    return [
        f"CODEOWNERS on {client.access.repository}: line {one.line}: {one.kind}"
        + (f" in '{one.source.strip()}'" if one.source else "")
        + (f": {one.suggestion}" if one.suggestion else "")
        for one in found.errors
    ]


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each pattern and its owners."""
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
