"""What a pull request changes of how it is judged, as GitHub has it: its report may not say."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sluice.contribution.compare import Contribution, compare
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.github.api import responses
from sluice.github.api.pulls import Pulls

_SETTINGS = "params.yaml"
_MOST_BYTES = 128 * 1024
# Once every alias is written out.
_MOST_SAID = 400_000
_LONGEST_KEY = 200
# What odd tags and numbers make the YAML library and a comparison raise.
_ODD = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, AttributeError)


class Changes(Struct):
    """`unknown` has a sentence for each thing that could not be seen."""

    contribution: Contribution
    unknown: list[str]


def read(github: Pulls, pull: responses.Pull) -> Changes:
    files = github.files(pull)
    paths = [path for one in files for path in (one.filename, one.previous_filename) if path]
    unknown = []
    if pull.changed_files > len(files):
        unknown.append(
            f"GitHub names only {len(files):,} of the {pull.changed_files:,} changed files: "
            "others may decide how this is judged, too."
        )
    try:
        base = _settings(github, pull.base, f"the base branch {pull.base.ref}")
        here = _settings(github, pull.head, "this pull request")
        made = _compared(pull, base, here, paths)
    except SluiceError as error:
        unknown.append(f"What this changes in {_SETTINGS} could not be compared: {error}.")
        made = compare(pull.base.ref, {}, {}, paths)
        if _SETTINGS in paths:
            made = replace(made, files=tuple(sorted({*made.files, _SETTINGS})))
    return Changes(made, unknown)


def _compared(pull: responses.Pull, base: Any, here: Any, paths: list[str]) -> Contribution:
    try:
        return compare(pull.base.ref, base, here, paths)
    except _ODD as error:
        raise SluiceError(f"it holds something odd ({type(error).__name__})") from None


def _settings(github: Pulls, side: responses.Side, whose: str) -> Any:
    try:
        content = github.content(side, _SETTINGS, _MOST_BYTES)
        _refuse_bombs(content)
        return parse_yaml(content, _SETTINGS)
    except SluiceError as error:
        raise SluiceError(f"{_SETTINGS} of {whose} cannot be read: {error}") from None
    except _ODD as error:
        raise SluiceError(
            f"{_SETTINGS} of {whose} cannot be read: it is no plain YAML ({type(error).__name__})"
        ) from None


def _refuse_bombs(content: bytes) -> None:
    """A few aliases to aliases, or merges of merges, say more than fits into memory."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        left = [YAML(typ="safe", pure=True).compose(content.decode("utf-8"))]
    except YAMLError:
        return  # reading it says what is wrong
    said = 0
    while left:
        inner = _inner(left.pop())
        left += inner
        said += sum(1 + len(one.value) for one in inner)
        if said > _MOST_SAID:
            raise SluiceError(f"it says more than {_MOST_SAID:,} things")


def _inner(node: Any) -> list[Any]:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return list(node.value)
    if not isinstance(node, MappingNode):
        return []
    if any(len(key.value) > _LONGEST_KEY for key, _ in node.value):
        raise SluiceError("it has a key that is far too long")
    return [one for pair in node.value for one in pair]
