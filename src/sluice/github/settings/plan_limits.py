"""What to do if the billing plan of a private repository lacks a feature."""

from __future__ import annotations

from sluice.github.api.connection import RefusedError
from sluice.github.settings.actual import Actual

_REVIEWERS = (
    "on a private repository, reviewers of an environment need GitHub Enterprise (a public one "
    "has them on every plan). A weaker alternative, which GitHub does not enforce: request each "
    "release in a pull request that a code owner approves (rulesets on private repositories need "
    "Pro or Team), and let that person turn the pre-release into a full release by hand"
)
_RULESETS = (
    "on a private repository, rulesets need GitHub Pro, Team or Enterprise (a public one has them "
    "on every plan). A weaker alternative, which GitHub does not enforce: nobody pushes to main, "
    "and a second person merges each pull request after all-green has passed"
)


def weaker_way(what: str) -> str:
    """Why the plan does not allow a setting, and which agreement can replace it."""
    way = _RULESETS if what.startswith("ruleset") else _REVIEWERS
    return f"{way} (docs/release.md)"


def unread(actual: Actual) -> list[str]:
    """The sections that could not be read, with the reason, and advice if it is the plan."""
    return [
        f"{section}: {why}"
        + (f"; {weaker_way(section)}" if isinstance(why, RefusedError) and why.of_plan else "")
        for section, why in actual.unread.items()
    ]
