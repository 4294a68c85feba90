"""What differs between the files and the repository, in words, and the request that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sluice.github.api.client import Client

SILENT = "not told by GitHub"


@dataclass(frozen=True)
class Difference:
    what: str
    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.what}: {self.key}: {self.before}, should be {self.after}"


@dataclass(frozen=True)
class Change:
    """One request. What it returns, if anything, is left for a person to do by hand."""

    what: str
    differences: list[Difference]
    apply: Callable[[Client], str | None]

    @property
    def title(self) -> str:
        return f"{self.what} ({', '.join(one.key for one in self.differences)})"


def compare(what: str, should: Mapping[str, Any], has: Mapping[str, Any]) -> list[Difference]:
    """What the file says and the repository does not; what only the repository says is left."""
    return [
        Difference(what, key, _shown(has.get(key)), _shown(value))
        for key, value in should.items()
        if not same(value, has.get(key))
    ]


def same(should: Any, has: Any) -> bool:
    """Whether it is as it should be, in any order of lists, with fields more that GitHub adds."""
    if isinstance(should, dict):
        return isinstance(has, dict) and all(same(v, has.get(k)) for k, v in should.items())
    if isinstance(should, list):
        return (
            isinstance(has, list)
            and len(has) == len(should)
            and all(any(same(one, other) for other in has) for one in should)
        )
    return type(should) is type(has) and bool(should == has)


def told(answer: msgspec.Struct | None) -> dict[str, Any]:
    return msgspec.structs.asdict(answer) if answer else {}


def _shown(value: Any) -> str:
    if value is None:
        return SILENT
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
    return ", ".join(items) or "none"
