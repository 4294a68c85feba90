"""What a retraining proposes: the files of a commit, and the text of its pull request, as data.

One job writes it, and another job with more rights reads it. So the reader does not trust the
proposal: it accepts only files that a retraining changes, and their content must match the record.
"""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.files import decode_json

RECORD, FOLDER = "proposal.json", "files"
# The data, the results of its run, and the objects of a DVC remote inside the repository.
_NAMES = ("data.dvc", "dvc.lock", "judged.jsonl")
_OBJECT = re.compile(r"\.dvc/store/files/md5/([0-9a-f]{2})/([0-9a-f]{30})(\.dir)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_MOST_FILES = 200
_MOST_BYTES = 100_000_000  # GitHub accepts no larger file
_MOST_TEXT = 60_000


class ProposedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """path: from the root of the repository."""

    path: str
    sha256: str


class Text(NamedTuple):
    """base: the commit that the proposal is made for. body: Markdown."""

    base: str
    title: str
    body: str


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """base: the commit of main that it is made for. body: Markdown."""

    base: str
    title: str
    body: str
    files: tuple[ProposedFile, ...]
    format: Literal[1] = 1


def is_allowed(path: str) -> bool:
    """Whether a retraining may change this file."""
    return path in _NAMES or bool(_OBJECT.fullmatch(path))


def write(root: Path, folder: Path, text: Text, paths: list[str]) -> Proposal:
    """Copy the files at `paths` below `root`, and describe them in proposal.json.

    Raises SluiceError for a file that no retraining may change.
    """
    listed = []
    for path in sorted(paths):
        if not is_allowed(path):
            raise SluiceError(
                f"{path} has also changed, but a retraining may not propose that: commit it, or "
                "restore it"
            )
        content = (root / path).read_bytes()
        files.write(folder / FOLDER / path, content)
        listed.append(ProposedFile(path, files.sha256(content)))
    made = Proposal(text.base, text.title, text.body[:_MOST_TEXT], tuple(listed))
    files.write(folder / RECORD, files.encode_record(made))
    return made


def read(folder: Path) -> tuple[Proposal, dict[str, bytes]] | None:
    """The proposal in a folder with its files' content; None if the folder has none.

    Raises SluiceError for a proposal that `write` cannot have made.
    """
    if not (folder / RECORD).exists():
        return None
    try:
        found = decode_json(_content(folder, PurePosixPath(RECORD)), Proposal)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{folder / RECORD} is not a proposal: {error}") from None
    if not _COMMIT.fullmatch(found.base):
        raise SluiceError(f"{folder / RECORD}: the base is not a commit")
    if not found.files or len(found.files) > _MOST_FILES:
        raise SluiceError(f"{folder / RECORD}: expected 1 to {_MOST_FILES} files")
    if len(found.title) > 200 or len(found.body) > _MOST_TEXT or "\n" in found.title:
        raise SluiceError(f"{folder / RECORD}: the title or the text is too long")
    contents: dict[str, bytes] = {}
    for one in found.files:
        if not is_allowed(one.path) or one.path in contents:
            raise SluiceError(f"{one.path!r} is not a file that a retraining may change")
        content = _content(folder, PurePosixPath(FOLDER) / one.path)
        if files.sha256(content) != one.sha256 or not _is_object(one.path, content):
            raise SluiceError(f"{one.path} does not match the hash in its name or record")
        contents[one.path] = content
    return found, contents


def _is_object(path: str, content: bytes) -> bool:
    """Whether an object of the store is named by the hash of its content; true for other files."""
    named = _OBJECT.fullmatch(path)
    if named is None:
        return True
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == named[1] + named[2]


def _content(folder: Path, path: PurePosixPath) -> bytes:
    """A regular file, reached without a link."""
    place = folder
    for part in path.parts:
        place = place / part
        if place.is_symlink():
            raise SluiceError(f"{path} is a link: the proposal was not written by sluice")
    try:
        state = place.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
            raise SluiceError(f"{path} is not a file of at most {_MOST_BYTES:,} bytes")
        return place.read_bytes()
    except OSError as error:
        raise SluiceError(f"{path} cannot be read: {error.strerror}") from None
