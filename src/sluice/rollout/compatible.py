"""Whether a candidate can serve the champion's callers without changes to them."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.errors import SluiceError
from sluice.model import Signature
from sluice.package.archive import Package


def require(candidate: Package, champion: Package) -> None:
    """Raise SluiceError if callers of the champion would have to change for the candidate."""
    if difference := _difference(candidate, champion):
        raise SluiceError(
            f"{candidate.manifest.title} cannot be a canary of {champion.manifest.title}: "
            f"{difference}; its callers would have to change, so serve it at another address and "
            "let them move there"
        )


def _difference(candidate: Package, champion: Package) -> str:
    """The differences for callers; empty if there are none."""
    if candidate.manifest.name != champion.manifest.name:
        return "it is a model of another name"
    new, old = candidate.signature, champion.signature
    if new.task != old.task:
        return f"its task is {new.task}, not {old.task}"
    if new.classes != old.classes:
        return f"its classes are {_listed(new.classes)}, not {_listed(old.classes)}"
    if new.id != old.id:
        return f"its id is {new.id!r}, not {old.id!r}"
    return _inputs(new, old)


def _inputs(new: Signature, old: Signature) -> str:
    kinds, before = (({c.name: c.type for c in each.inputs}) for each in (new, old))
    if missing := sorted(before.keys() - kinds.keys()):
        return f"it does not read {_listed(missing)}"
    if more := sorted(kinds.keys() - before.keys()):
        return f"it also reads {_listed(more)}"
    other = sorted(name for name, kind in kinds.items() if before[name] != kind)
    return f"{_listed(other)} has another type" if other else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
