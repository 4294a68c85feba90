"""Files: atomic writes, digests, and the readers and writers of JSON and YAML."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError


def write(target: Path, content: bytes) -> None:
    """Write all of a file or none of it, and create its folder if it is missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits; reads it in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content gives equal bytes."""
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write(path, f"{text}\n".encode())


def read_json(path: Path) -> Any:
    """Read a JSON file; raises SluiceError if it is missing or holds no JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing: run 'sluice run'") from None
    except ValueError as error:
        raise SluiceError(f"{path} is not JSON: {error}") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file as plain data; raises SluiceError if it is missing or holds no YAML."""
    try:
        return parse_yaml(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise SluiceError(f"{path.name} is missing: run this in the project's folder") from None


def parse_yaml(content: bytes, where: str) -> Any:
    """Parse YAML 1.2 as plain data; `where` names the source in the SluiceError that it raises."""
    # DVC reads params.yaml with the same library: 'no' and 'on' are words for both.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except (YAMLError, ValueError, KeyError, RecursionError) as error:
        said = re.sub(r"\s+", " ", str(error))
        raise SluiceError(f"{where} is not YAML: {said}") from None
