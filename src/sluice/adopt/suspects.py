"""Columns that an adoption leaves out: they may give away the target or a sensitive column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.check import leakage, proxies
from sluice.check.leakage import Leak
from sluice.config import Settings
from sluice.verdict import number

if TYPE_CHECKING:
    from pandas import DataFrame

# Each round can uncover columns that were hidden by those found before.
_ROUNDS = 5


def suspects(
    frame: DataFrame, settings: Settings, *, trusted: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the inputs that may be leaks, or copies of a sensitive column, with the reasons.

    frame: a typed table. trusted: inputs that a person has decided to use.
    """
    copies = copies_of_sensitive(frame, settings, trusted=trusted)
    return {**copies, **suspected_leaks(frame, settings, trusted=trusted)}


def suspected_leaks(
    frame: DataFrame, settings: Settings, *, trusted: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the inputs that exceed a bound on leaks, each with a remark that says why."""
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


def copies_of_sensitive(
    frame: DataFrame, settings: Settings, *, trusted: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the inputs that reveal the groups of a sensitive column, each with a remark."""
    return {
        proxy.column: f"suspected proxy: it distinguishes {proxy.group!r} from the other groups "
        "with a "
        f"ROC AUC of {number(proxy.strength)}"
        for proxy in proxies.copies(frame, settings)
        if proxy.column is not None and proxy.column not in trusted
    }


def without(settings: Settings, names: dict[str, str]) -> Settings:
    """Return settings in which these columns have the use `ignored`."""
    columns = {
        name: column.model_copy(update={"use": "ignored"}) if name in names else column
        for name, column in settings.columns.items()
    }
    return settings.model_copy(update={"columns": columns})


def _reason(leak: Leak) -> str:
    told = f"explains {number(leak.strength)} of the target"
    if leak.bound in ("combined_leakage", "pair"):
        return f"{leak.text!r} {told}"
    if leak.bound == "missing_leakage":
        columns = " and ".join(map(repr, leak.columns))
        return f"whether {columns} is missing {told}"
    if leak.bound == "encoded":
        return "its values are means of the target, perhaps smoothed or without the row itself"
    if leak.bound == "one_class":
        return "it has values almost only in rows of one class"
    if leak.bound == "chosen":
        return f"its value is {leak.detail}, so the target says which column it repeats"
    return f"it {told} alone"
