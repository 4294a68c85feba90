"""DVC parses one dvc.lock about thirty times in a run, at 0.2 s each; in these tests only once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc import dvcfile
from dvc.utils import strictyaml
from dvc.utils.serialize import dumps_yaml

_parse, _modify = strictyaml.parse_yaml, dvcfile.modify_yaml
_parsed: dict[str, Any] = {}  # by its text


def parse_once() -> None:
    """Let DVC in this process, and in its forks, remember what it has parsed and written."""
    strictyaml.parse_yaml = _remember
    dvcfile.modify_yaml = _modify_lock


def _remember(text: str, path: str, typ: str = "safe") -> Any:
    if typ != "safe":
        return _parse(text, path, typ=typ)
    if text not in _parsed:
        _parsed[text] = _parse(text, path)
    return copy.deepcopy(_parsed[text])


@contextmanager
def _modify_lock(path: str, fs: Any = None) -> Iterator[Any]:
    """Read, change and write a file as DVC does, but without its second parser for comments.

    DVC writes no comments into dvc.lock.
    """
    lock = Path(path)
    if lock.name != "dvc.lock":
        with _modify(path, fs=fs) as content:
            yield content
        return
    content = _remember(lock.read_text("utf-8"), path) if lock.exists() else {}
    yield content
    text = dumps_yaml(content)
    lock.write_text(text, "utf-8")
    _parsed[text] = copy.deepcopy(content)
