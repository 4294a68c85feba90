"""A params.yaml with a setting of every kind, to be changed by a contribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sluice.config import validate
from sluice.contribution.compare import compare
from sluice.contribution.record import ChangedSetting
from support.fixture_project import params

CODES = list(range(100, 115))


def every_setting() -> dict[str, Any]:
    """A valid params.yaml with a setting of every kind."""
    made = params("binary")
    made["columns"]["colour"]["values"] = ["red", "green", "blue"]
    made["columns"]["key"]["use"] = "ignored"
    made["columns"]["code"] = {"type": "category", "values": CODES}
    made["data"]["sensitive"] = {
        "side": {"groups": {"left": ["left"], "right": ["right"]}},
        "born": {"bands": [1950, 1975]},
    }
    made["performance"]["bounds"]["cost"] = {"high": 0.6}
    made["performance"].pop("resamples")
    made["explanation"].pop("rows")
    made["accept"] = [{"finding": "performance/recall", "reason": "known since last year"}]
    return made


Settings = dict[str, Any]
Change = Callable[[Settings], object]


def compared(change: Change, before: Change = lambda settings: None, *, valid: bool = True) -> Any:
    sides = every_setting(), every_setting()
    before(sides[0])
    before(sides[1])
    change(sides[1])
    if valid:
        validate(sides[0], "base")
        validate(sides[1], "here")
    return compare("main", *sides, ["params.yaml"])


def changed_setting(
    change: Change, before: Change = lambda settings: None, *, valid: bool = True
) -> ChangedSetting:
    (one,) = compared(change, before, valid=valid).settings
    assert one.before != one.after
    assert max(len(one.before), len(one.after)) <= 80
    return one


def put(path: str, value: Any) -> Change:
    """Set the value at a path of names with dots between them."""
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value

    return change


def drop(path: str) -> Change:
    *above, last = path.split(".")

    def change(settings: Settings) -> None:
        inner = settings
        for name in above:
            inner = inner[name]
        del inner[last]

    return change
