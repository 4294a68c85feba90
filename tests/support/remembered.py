"""What a library computes from a text alone is remembered in the processes of the tests.

DVC and sluice parse one dvc.lock about thirty times in a run, at 0.2 s each, and every command
compiles its templates anew, at 0.1 s.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc import dvcfile
from dvc.utils.serialize import dumps_yaml
from jinja2 import Environment
from ruamel.yaml import YAML

_load, _modify, _compile = YAML.load, dvcfile.modify_yaml, Environment.compile
_parsed: dict[str, Any] = {}  # by the text
_compiled: dict[tuple[object, ...], Any] = {}  # by all that the code of a template depends on


def use() -> None:
    """Let this process, and its forks, remember what they have parsed, written and compiled."""
    YAML.load = _load_once
    dvcfile.modify_yaml = _modify_lock
    Environment.compile = _compile_once


def _load_once(parser: YAML, stream: Any) -> Any:
    # The other kinds of parsers keep comments, so their results are changed in place.
    if parser.typ != ["safe"] or not isinstance(stream, str):
        return _load(parser, stream)
    if stream not in _parsed:
        _parsed[stream] = _load(parser, stream)
    return copy.deepcopy(_parsed[stream])


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
    content = YAML(typ="safe", pure=True).load(lock.read_text("utf-8")) if lock.exists() else {}
    yield content
    text = dumps_yaml(content)
    lock.write_text(text, "utf-8")
    _parsed[text] = copy.deepcopy(content)


def _compile_once(environment: Environment, source: Any, *names: Any, **options: Any) -> Any:
    filters = frozenset(environment.filters)
    key = (type(environment), environment.finalize, filters, source, names, *options.items())
    if key not in _compiled:
        _compiled[key] = _compile(environment, source, *names, **options)
    return _compiled[key]
