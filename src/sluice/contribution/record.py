"""How a contribution changes the way it is judged, as plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["looser", "changed", "tighter"]


_PREDICTED = ("task", "data.target", "data.positive")


class ChangedSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting on the base branch and in the contribution; a dash where it does not exist.

    kind: looser if the gates may let more through, tighter if less, changed if neither is known.
    """

    key: str
    before: str
    after: str
    kind: Kind


class Contribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The changes against a base branch or commit.

    against: the base. settings: what changes in params.yaml, the looser settings first. files:
    other changed files that decide how a candidate is judged. inside: changed files of the use
    case, whose code runs confined and has no code owner. gone: the scenarios and expectations of
    the base that are no longer checked.
    """

    against: str
    settings: tuple[ChangedSetting, ...] = ()
    files: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def predicted(self) -> tuple[ChangedSetting, ...]:
        """Changes of what is predicted, after which bounds cannot be compared with the base's."""
        return tuple(one for one in self.settings if one.key in _PREDICTED)

    @property
    def looser(self) -> int:
        """How many settings become looser."""
        return sum(one.kind == "looser" for one in self.settings)
