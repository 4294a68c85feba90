"""Make the changes one by one; those that GitHub refuses do not stop the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sluice.errors import SluiceError
from sluice.github.api.client import Client
from sluice.github.api.connection import NoAnswerError, RefusedError
from sluice.github.settings.differences import Change
from sluice.github.settings.plan_limits import weaker_way

Say = Callable[[str], None]


@dataclass
class Applied:
    """The result of the changes.

    done: how many requests succeeded. refused: the settings (`Change.what`) that GitHub refused.
    by_hand: the titles of the changes that a person has to make; they count as done.
    """

    done: int = 0
    refused: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)

    def left(self, changes: list[Change]) -> list[str]:
        """The titles of the changes that were neither refused nor left to a person."""
        titles = [one.title for one in changes if one.what not in self.refused]
        return [title for title in titles if title not in self.by_hand]


def apply(client: Client, changes: list[Change], say: Say) -> Applied:
    """Make the changes in this order, and report each one.

    Raises SluiceError at the first failure that would affect the next changes too, such as a lost
    connection. A change that GitHub refuses is reported and does not stop the others.
    """
    left, outcome = list(changes), Applied()
    try:
        while left:
            _make(client, left[0], outcome, say)
            left.pop(0)
    except BaseException as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        if isinstance(error, NoAnswerError):
            why += "; it is unknown whether the change took effect"
        say(f"  failed: {left[0].title}: {why}")
        for change in left[1:]:
            say(f"  not tried: {change.title}")
        if isinstance(error, SluiceError):
            done = f"{outcome.done} of {len(changes)} changes are done: run this again to continue"
            said = f"stopped at {left[0].title}: {why}; {done}"
            raise SluiceError(client.access.printable(said)) from None
        raise
    return outcome


def _make(client: Client, change: Change, outcome: Applied, say: Say) -> None:
    # Later changes of a setting depend on the earlier ones.
    if change.what in outcome.refused:
        say(f"  not tried: {change.title}")
        return
    try:
        by_hand = change.apply(client)
    except RefusedError as error:
        if not error.permanent:
            raise
        outcome.refused.add(change.what)
        way = f"; {weaker_way(change.what)}" if error.of_plan else ""
        say(f"  refused: {change.title}: {error}{way}")
        return
    outcome.done += 1
    if by_hand:
        outcome.by_hand.add(change.title)
    say(f"  by hand: {by_hand}" if by_hand else f"  done: {change.title}")
