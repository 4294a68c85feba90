"""A params.yaml with a setting of every kind, to be changed by a contribution."""

from __future__ import annotations

from typing import Any

from support.fixture_project import params

CODES = list(range(100, 115))


def every_setting() -> dict[str, Any]:
    """A valid params.yaml that with a setting of every kind."""
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
