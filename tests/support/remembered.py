"""The processes of the tests cache what libraries compute from a text alone.

DVC and sluice parse one dvc.lock about thirty times in a run, at 0.2 s each, DVC writes it after
each stage, and every command compiles its templates again, at 0.1 s. DVC also computes the digests
of the machinery's files several times for each stage.
"""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from dvc import dvcfile
from dvc.output import Output
from dvc.utils import serialize
from jinja2 import Environment
from ruamel.yaml import YAML

_load, _modify, _compile = YAML.load, dvcfile.modify_yaml, Environment.compile
_build, _dump = Output._build, serialize.dump_yaml
_parsed: dict[str, Any] = {}  # parsed text by the text
_compiled: dict[tuple[object, ...], Any] = {}  # by all that decides a template's code
_digested: dict[str, Any] = {}  # what DVC knows about a file or folder of the machinery
_shared: list[Path] = []  # a folder of results that processes of one server have parsed


class _Dumper(yaml.CSafeDumper):
    """Writes what DVC's own writer does, in a tenth of the time."""


_TAG = "tag:yaml.org,2002:"
_Dumper.add_representer(OrderedDict, yaml.CSafeDumper.represent_dict)
_Dumper.add_representer(type(None), lambda out, _: out.represent_scalar(f"{_TAG}null", ""))
_Dumper.add_representer(float, lambda out, number: out.represent_scalar(_FLOAT, repr(number)))
# DVC's writer follows YAML 1.2, in which 'yes' and 'no' are texts, and '1e-06' is a number.
_BOOL, _FLOAT = f"{_TAG}bool", f"{_TAG}float"
_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.CSafeDumper.yaml_implicit_resolvers.items()
}
_Dumper.add_implicit_resolver(_BOOL, re.compile("(true|True|TRUE|false|False|FALSE)$"), [*"tTfF"])
_Dumper.add_implicit_resolver(_FLOAT, re.compile("[-+]?[0-9.]+e[-+][0-9]+$"), [*"-0123456789"])


def use(shared: Path | None = None) -> None:
    """Let this process, and its forks, remember what they have parsed, written and compiled.

    shared: a folder in which processes find what others have parsed. Each process that has one runs
    a single command, during which nothing changes the machinery.
    """
    _shared[:] = [shared] if shared else []
    YAML.load = _load_once
    dvcfile.modify_yaml = _modify_lock
    Environment.compile = _compile_once
    serialize.dump_yaml = _dump_run
    if shared:
        Output._build = _build_once


def _load_once(parser: YAML, stream: Any) -> Any:
    # The other kinds of parsers keep comments, so their results are changed in place.
    if parser.typ != ["safe"] or not isinstance(stream, str):
        return _load(parser, stream)
    if stream not in _parsed:
        _parsed[stream] = _of_others(stream) or _load(parser, stream)
        _tell_others(stream)
    return copy.deepcopy(_parsed[stream])


def _place(text: str, folder: Path) -> Path:
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()}.yaml"


def _of_others(text: str) -> Any:
    for folder in _shared:
        # A confined task may not read this folder.
        with suppress(FileNotFoundError, PermissionError):
            return pickle.loads(_place(text, folder).read_bytes())
    return None


def _tell_others(text: str) -> None:
    for folder in _shared:
        place = _place(text, folder)
        with suppress(PermissionError):
            if not place.exists():
                part = place.with_suffix(f".{os.getpid()}")
                part.write_bytes(pickle.dumps(_parsed[text]))
                part.rename(place)


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
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    lock.write_text(text, "utf-8")
    _parsed[text] = copy.deepcopy(content)
    _tell_others(text)


def _dump_run(path: Any, data: Any, fs: Any = None, **options: Any) -> None:
    """Write an entry of DVC's cache of runs with the quick writer."""
    if "/runs/" not in str(path):
        _dump(path, data, fs, **options)
        return
    Path(path).write_text(yaml.dump(data, Dumper=_Dumper, sort_keys=False), "utf-8")


def _build_once(output: Output, store: Any, path: str, *more: Any, **options: Any) -> Any:
    if not (output.IS_DEPENDENCY and "/src/sluice/" in f"{path}/"):
        return _build(output, store, path, *more, **options)
    if path not in _digested:
        _digested[path] = _build(output, store, path, *more, **options)
    store, meta, built = _digested[path]
    return store, copy.copy(meta), built


def _compile_once(environment: Environment, source: Any, *names: Any, **options: Any) -> Any:
    filters = frozenset(environment.filters)
    key = (type(environment), environment.finalize, filters, source, names, *options.items())
    if key not in _compiled:
        _compiled[key] = _compile(environment, source, *names, **options)
    return _compiled[key]
