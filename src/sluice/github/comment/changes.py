"""How a pull request changes the way it is judged, read from GitHub.

The report's own statement about that is not trusted, because the pull request's code wrote it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sluice.contribution.compare import compare
from sluice.contribution.record import Contribution
from sluice.errors import SluiceError
from sluice.files import parse_yaml
from sluice.github.api import responses
from sluice.github.api.pulls import Pulls

_SETTINGS = "params.yaml"
_MOST_BYTES = 128 * 1024
# Characters and items, counted as often as aliases repeat them.
_MOST_CONTENT = 400_000
_LONGEST_KEY = 200
# The exceptions that unusual tags and numbers cause in the YAML library and the comparison.
_UNREADABLE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, AttributeError)


class Changes(Struct):
    """unknown: a sentence for each part of the changes that could not be read."""

    contribution: Contribution
    unknown: list[str]


def read(github: Pulls, pull: responses.Pull) -> Changes:
    """The changed files and settings of a pull request, as GitHub has them."""
    files = github.files(pull)
    paths = [path for one in files for path in (one.filename, one.previous_filename) if path]
    unknown = []
    if pull.changed_files > len(files):
        unknown.append(
            f"GitHub names only {len(files):,} of the {pull.changed_files:,} changed files: "
            "the others may also decide how this pull request is judged."
        )
    try:
        base = _settings(github, pull.base, f"the base branch {pull.base.ref}")
        here = _settings(github, pull.head, "this pull request")
        contribution = _compared(pull, base, here, paths)
    except SluiceError as error:
        unknown.append(f"The changes in {_SETTINGS} could not be compared: {error}.")
        contribution = compare(pull.base.ref, {}, {}, paths)
        if _SETTINGS in paths:
            files_to_own = tuple(sorted({*contribution.files, _SETTINGS}))
            contribution = replace(contribution, files=files_to_own)
    return Changes(contribution, unknown)


def _compared(pull: responses.Pull, base: Any, here: Any, paths: list[str]) -> Contribution:
    try:
        return compare(pull.base.ref, base, here, paths)
    except _UNREADABLE as error:
        raise SluiceError(f"it has an unusual value ({type(error).__name__})") from None


def _settings(github: Pulls, side: responses.Side, whose: str) -> Any:
    try:
        content = github.content(side, _SETTINGS, _MOST_BYTES)
        _refuse_bombs(content)
        return parse_yaml(content, _SETTINGS)
    except SluiceError as error:
        raise SluiceError(f"{_SETTINGS} of {whose} cannot be read: {error}") from None
    except _UNREADABLE as error:
        raise SluiceError(
            f"{_SETTINGS} of {whose} cannot be read: it is not plain YAML ({type(error).__name__})"
        ) from None


def _refuse_bombs(content: bytes) -> None:
    """Raise SluiceError if aliases to aliases, or merges of merges, make it larger than memory."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        left = [YAML(typ="safe", pure=True).compose(content.decode("utf-8"))]
    except YAMLError:
        return  # `parse_yaml` reports what is wrong
    found = 0
    while left:
        inner = _inner(left.pop())
        left += inner
        found += sum(1 + len(one.value) for one in inner)
        if found > _MOST_CONTENT:
            raise SluiceError(
                f"it has more than {_MOST_CONTENT:,} characters once its aliases are resolved"
            )


def _inner(node: Any) -> list[Any]:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return list(node.value)
    if not isinstance(node, MappingNode):
        return []
    if any(len(key.value) > _LONGEST_KEY for key, _ in node.value):
        raise SluiceError(f"it has a key of more than {_LONGEST_KEY} characters")
    return [one for pair in node.value for one in pair]
