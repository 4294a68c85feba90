"""The differences between the files and GitHub in words, and the requests that remove them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sluice.github.api.client import Client

UNKNOWN = "not given by GitHub"


@dataclass(frozen=True)
class Difference:
    """One key of a setting. `before` is its value on GitHub, `after` that of the file."""

    what: str
    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.key}: {self.before}, should be {self.after}"


@dataclass(frozen=True)
class Change:
    """A request that removes differences.

    apply: sends it, and returns what a person must still do by hand, or None.
    """

    what: str
    differences: list[Difference]
    apply: Callable[[Client], str | None]

    @property
    def title(self) -> str:
        return f"{self.what} ({', '.join(one.key for one in self.differences)})"


def compare(what: str, should: Mapping[str, Any], has: Mapping[str, Any]) -> list[Difference]:
    """The keys of the file whose values differ on GitHub; keys that it lacks are not compared."""
    return [
        Difference(what, key, _shown(has.get(key)), _shown(value))
        for key, value in should.items()
        if not same(value, has.get(key))
    ]


def same(should: Any, has: Any) -> bool:
    """Whether two values are equal, apart from the order of lists and keys that only GitHub has."""
    if isinstance(should, dict):
        return isinstance(has, dict) and all(same(v, has.get(k)) for k, v in should.items())
    if isinstance(should, list):
        return (
            isinstance(has, list)
            and len(has) == len(should)
            and all(any(same(one, other) for other in has) for one in should)
        )
    return type(should) is type(has) and bool(should == has)


def as_dict(answer: msgspec.Struct | None) -> dict[str, Any]:
    """The fields of an answer; empty if there is no answer."""
    return msgspec.structs.asdict(answer) if answer else {}


def _shown(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return listed(map(_item, value))
    return str(value)


def _item(item: Any) -> str:
    if not isinstance(item, dict) or "context" not in item:
        return str(item)
    app = item.get("integration_id")
    return item["context"] + (f" of app {app}" if app else "")


def listed(items: Iterable[str]) -> str:
    """The items separated by commas, or "none"."""
    return ", ".join(items) or "none"
