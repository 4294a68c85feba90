"""Is the repository as the files under `.github/settings/` say? Whatever is not known is a no."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from sluice.github import access, state, wanted
from sluice.github.client import Client
from sluice.github.plan import REVIEWERS, plan
from sluice.github.plans import weaker_way
from sluice.github.wanted import Section


def run(
    repository: str | None,
    folder: Path,
    sections: Collection[Section],
    say: Callable[[str], None],
) -> bool:
    """Say each drift in one line."""
    files = wanted.load(folder)
    with Client(access.find(repository)) as client:
        actual = state.read(client, files, sections)
    drift = [
        difference
        for change in plan(files, actual, sections)
        for difference in change.differences
    ]
    said = [f"drift: {difference}" for difference in drift]
    said += [f"could not be checked: {one}: {why}" for one, why in actual.unread.items()]
    if "environments" in sections:
        said += [
            f"drift: {folder / 'environments.json'}: {one.name}: names nobody who approves; "
            "'sluice github setup --reviewer LOGIN' does"
            for one in files.unreviewed
        ]
    for line in said:
        say(line)
    private = actual.repository.private
    ...
    return not said
