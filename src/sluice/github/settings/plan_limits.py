"""What a private repository's plan may not have, and what is left to do then."""

from __future__ import annotations

from sluice.github.api.connection import RefusedError
from sluice.github.settings.actual import Actual

_REVIEWERS = (
    "on a private repository, reviewers of an environment need GitHub Enterprise (a public one "
    "has them on every plan). The weaker way: ask for each release in a pull request that a code "
    "owner approves (rulesets on private repositories need Pro or Team), and let that person make "
    "the pre-release a full release by hand; GitHub then holds nobody to it"
)
_RULESETS = (
    "on a private repository, rulesets need GitHub Pro, Team or Enterprise (a public one has them "
    "on every plan). The weaker way: nobody pushes to main, and a second person merges each pull "
    "request once all-green has passed; GitHub then holds nobody to it"
)


def weaker_way(what: str) -> str:
    way = _RULESETS if what.startswith("ruleset") else _REVIEWERS
    return f"{way} (docs/release.md)"


def unread(actual: Actual) -> list[str]:
    """What could not be read and why, with what is left to do where the plan is why."""
    return [
        f"{section}: {why}"
        + (f"; {weaker_way(section)}" if isinstance(why, RefusedError) and why.of_plan else "")
        for section, why in actual.unread.items()
    ]
