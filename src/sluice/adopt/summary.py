"""What `sluice adopt` says after it has replaced the data."""

from __future__ import annotations

from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.profile import TableProfile
from sluice.adopt.render import template

_SHOWN = 20


def summary(
    profile: TableProfile, derived: DerivedBounds, cleared: bool, notes: tuple[str, ...] = ()
) -> list[str]:
    """Return one line for each decision that a person should know of.

    cleared: whether the objects of the old data were removed from the DVC remote. notes: how the
    file was understood.
    """
    text = template("summary.txt.j2").render(
        profile=profile, derived=derived, cleared=cleared, notes=notes, shown=_SHOWN
    )
    return text.splitlines()
