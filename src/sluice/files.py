"""Files: complete writes, SHA-256 digests, and reading and writing JSON and YAML."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sluice import unique_keys
from sluice.errors import SluiceError
from sluice.unique_keys import RepeatedKeyError

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

T = TypeVar("T")

# The lines with which git begins and ends each side of a conflict. The line of equals signs
# between them is left out, because it also underlines headings.
_CONFLICT_MARKER = re.compile(rb"^(?:<{7}|\|{7}|>{7})(?: .*)?\r?$", re.MULTILINE)
_AFTER_ANY_CONFLICT = "keep one side of each conflict, delete the markers and commit the file"
_AFTER_CONFLICT = {
    "dvc.lock": "delete the file and run 'make package', which regenerates it; then commit it",
    "data.dvc": "keep one side, delete the markers, run 'dvc checkout data.dvc', and commit the "
    "file",
}


def write(target: Path, content: bytes) -> None:
    """Write a file completely or not at all; its folder is created if necessary."""
    with replacing(target) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; the file there replaces `target` if the block succeeds.

    After an error the file is deleted and `target` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        yield unfinished
        replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def replace(finished: Path, target: Path) -> None:
    """Rename a file; after this function has returned, the new content survives a power failure."""
    sync(finished)
    os.replace(finished, target)
    sync(target.parent)


def clear_folder(folder: Path, marker: str) -> None:
    """Make `folder` an empty folder, but delete only what an earlier run of a command has left.

    Raises SluiceError, and deletes nothing, if the folder has files but none named `marker`,
    the file that the command always writes; or if the path is a link or a file.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SluiceError(f"{folder} is not a plain folder: name another one")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / marker).is_file():
            raise SluiceError(
                f"{folder} has files but no {marker}, so it is not a result of an earlier run and "
                "will not be deleted: name another folder, or delete it yourself"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def sync(path: Path) -> None:
    """Make the operating system write a file, or a folder's list of files, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_merged(content: bytes, where: str) -> None:
    """Raise SluiceError, whose message begins with `where`, for git's conflict markers in a
    file.
    """
    if marker := _CONFLICT_MARKER.search(content):
        line = content.count(b"\n", 0, marker.start()) + 1
        found = marker[0].decode("utf-8", "replace").strip()
        cure = _AFTER_CONFLICT.get(where, _AFTER_ANY_CONFLICT)
        raise SluiceError(f"{where}, line {line}: unresolved merge conflict ({found!r}): {cure}")


def sha256(content: bytes) -> str:
    """The SHA-256 digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """The SHA-256 digest of a file's content in hexadecimal; the file may exceed the memory."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def encode_record(record: msgspec.Struct, *, indent: int = 2) -> bytes:
    """A record as indented JSON that ends with a line break."""
    return msgspec.json.format(msgspec.json.encode(record), indent=indent) + b"\n"


def decode_json(content: bytes, kind: type[T]) -> T:
    """Decode JSON as `kind`.

    Raises msgspec.MsgspecError or UnicodeDecodeError; an object that names a key twice is an error
    too.
    """
    decoded = msgspec.json.decode(content, type=kind)
    unique_keys.require(content)
    return decoded


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content gives equal bytes.

    Raises ValueError for NaN and infinity, which JSON does not have.
    """
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write(path, f"{text}\n".encode())


def read_json(path: Path) -> Any:
    """Read a JSON file that a stage of the pipeline has written.

    Raises SluiceError if it is missing or not JSON.
    """
    try:
        content = path.read_bytes()
        decoded = json.loads(content)
        unique_keys.require(content)
        return decoded
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'sluice run'") from None
    except (ValueError, RepeatedKeyError) as error:
        raise SluiceError(f"{path} is not valid JSON: {error}") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file of the project; raises SluiceError if it is missing or not YAML."""
    try:
        return parse_yaml(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise SluiceError(f"{path.name} is missing: run this in the project's folder") from None


def parse_yaml(content: bytes, where: str) -> Any:
    """Parse YAML 1.2.

    Raises SluiceError, whose message begins with `where`, if it is not valid or has a merge
    conflict.
    """
    require_merged(content, where)
    # DVC also reads params.yaml with this library, so both read 'no' and 'on' as text.
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except DuplicateKeyError as error:
        raise SluiceError(f"{where}: {_repeated(error)}") from None
    except (YAMLError, ValueError, KeyError, RecursionError) as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise SluiceError(f"{where} is not valid YAML: {reason}") from None


def _repeated(error: MarkedYAMLError) -> str:
    """The problem in one line, without ruamel.yaml's advice to disable its check."""
    key = re.search(r'duplicate key "(.*)" with value', str(error.problem), re.DOTALL)
    line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
    return f"{line}the key {key[1] if key else '?'!r} occurs twice; remove one of the two"
