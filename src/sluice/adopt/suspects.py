"""Columns that an adoption leaves out, because they may give the target away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.check import leakage
from sluice.check.leakage import Leak
from sluice.config import Settings
from sluice.verdict import number

if TYPE_CHECKING:
    from pandas import DataFrame

# Each round can uncover columns that those of the last one hid.
_ROUNDS = 5


def suspected_leaks(
    frame: DataFrame, settings: Settings, *, trusted: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the inputs that exceed a bound on leaks, each with a remark that says why.

    frame: a typed table. trusted: inputs that a person has decided to use.
    """
    found: dict[str, str] = {}
    for _ in range(_ROUNDS):
        left = without(settings, found)
        leaks = [leak for leak in leakage.measure(frame, left) if leak.exceeds(left)]
        new = {
            name: f"suspected leak: {_reason(leak)}"
            for leak in leaks
            for name in leak.columns
            if name not in trusted
        }
        if not new:
            break
        found = {**new, **found}
    return found


def without(settings: Settings, names: dict[str, str]) -> Settings:
    """Return the settings in which these columns are ignored."""
    columns = {
        name: column.model_copy(update={"use": "ignored"}) if name in names else column
        for name, column in settings.columns.items()
    }
    return settings.model_copy(update={"columns": columns})


def _reason(leak: Leak) -> str:
    told = f"explains {number(leak.strength)} of the target"
    if leak.bound == "combined_leakage":
        return f"{leak.text!r} {told}"
    if leak.bound == "missing_leakage":
        columns = " and ".join(map(repr, leak.columns))
        return f"whether {columns} is missing {told}"
    return f"it {told} alone"
