"""What `sluice adopt` prints after it has replaced the data."""

from __future__ import annotations

from sluice.adopt import hyperparameters
from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.profile import TableProfile
from sluice.adopt.render import template

_SHOWN = 20


def summary(
    profile: TableProfile, derived: DerivedBounds, cleared: bool, notes: tuple[str, ...] = ()
) -> list[str]:
    """Return one line for each decision that a person should know about.

    cleared: whether the objects of the old data were removed from the DVC remote. notes: how the
    file was understood.
    """
    text = template("summary.txt.j2").render(
        profile=profile,
        derived=derived,
        cleared=cleared,
        notes=notes,
        shown=_SHOWN,
        nodes=hyperparameters.nodes(profile),
        only_linear=len(hyperparameters.candidates(profile)) == 1,
    )
    return text.splitlines()


def again(profile: TableProfile, kept: list[str]) -> list[str]:
    """Return what `sluice adopt --again` prints; `kept` are the settings of a person."""
    named = ", ".join(kept[:_SHOWN]) + (f" and {len(kept) - _SHOWN} more" if kept[_SHOWN:] else "")
    return [
        f"Derived the bounds of {profile.name!r} again; inputs: {len(profile.features)} columns.",
        f"Kept what a person has set: {named or 'nothing'}.",
        *(
            f"WARNING: column {name!r} was left out: {why}. All bounds were derived without it."
            for name, why in profile.suspects.items()
        ),
        "Next: run 'git diff params.yaml' and 'make package', then commit.",
    ]
