"""The changes, made one by one; one that GitHub refuses for good does not hold up the others."""

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
    """`refused` names whats, `by_hand` the titles of changes; what is by hand counts as done."""

    done: int = 0
    refused: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)

    def left(self, changes: list[Change]) -> list[str]:
        """The titles of those that nobody was told of."""
        titles = [one.title for one in changes if one.what not in self.refused]
        return [title for title in titles if title not in self.by_hand]


def apply(client: Client, changes: list[Change], say: Say) -> Applied:
    """Raises SluiceError where one fails in a way that the next ones might share."""
    left, outcome = list(changes), Applied()
    try:
        while left:
            _make(client, left[0], outcome, say)
            left.pop(0)
    except BaseException as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        if isinstance(error, NoAnswerError):
            why += "; whether it took effect is not known"
        say(f"  failed: {left[0].title}: {why}")
        for change in left[1:]:
            say(f"  not tried: {change.title}")
        if isinstance(error, SluiceError):
            done = f"{outcome.done} of {len(changes)} changes are done, run it again to go on"
            said = f"stopped at {left[0].title}: {why}; {done}"
            raise SluiceError(client.access.printable(said)) from None
        raise
    return outcome


def _make(client: Client, change: Change, outcome: Applied, say: Say) -> None:
    # What is refused leaves the rest of its kind without what it stands on.
    if change.what in outcome.refused:
        say(f"  not tried: {change.title}")
        return
    try:
        by_hand = change.apply(client)
    except RefusedError as error:
        if not error.for_good:
            raise
        outcome.refused.add(change.what)
        way = f"; {weaker_way(change.what)}" if error.of_plan else ""
        say(f"  refused: {change.title}: {error}{way}")
        return
    outcome.done += 1
    if by_hand:
        outcome.by_hand.add(change.title)
    say(f"  by hand: {by_hand}" if by_hand else f"  done: {change.title}")
