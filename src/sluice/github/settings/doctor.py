"""Is the repository as the files under `.github/settings/` say? What cannot be read is a no.

What GitHub's API description does not know is a note, and a no to preflight alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from sluice.errors import SluiceError
from sluice.github import SECTIONS, Part
from sluice.github.api import access
from sluice.github.api.client import Client
from sluice.github.settings import desired, owners
from sluice.github.settings.actual import read as read_actual
from sluice.github.settings.plan import plan, untold
from sluice.github.settings.plan_limits import unread, weaker_way


def run(
    repository: str | None,
    folder: Path,
    parts: Collection[Part],
    say: Callable[[str], None],
) -> bool:
    """Say each drift in one line, and in a note what GitHub does not tell."""
    files = desired.load(folder)
    sections = [one for one in SECTIONS if one in parts]
    with Client(access.find(repository)) as client:
        actual = read_actual(client, files, sections)
        unowned = _unowned(client, folder) if "owners" in parts else []
    drift = [one for change in plan(files, actual, sections) for one in change.differences]
    said = [f"drift: {one}" for one in drift]
    if actual.repository.archived:
        said.insert(0, "drift: repository: archived: nothing in it can change or be released")
    said += [f"could not be checked: {line}" for line in unread(actual)]
    said += unowned
    if "environments" in sections:
        said += [_unnamed(folder, one) for one in files.unreviewed]
    gated = {f"environment {one.name}" for one in files.environments if one.prevent_self_review}
    if actual.repository.private and any(one.what in gated for one in drift):
        said.append(f"private: {weaker_way('environments')}")
    notes = [f"note: {one}" for one in untold(files, actual, sections)]
    for line in [*said, *notes]:
        say(client.access.printable(line))
    return not said


def _unowned(client: Client, folder: Path) -> list[str]:
    """A ruleset asks for code owners; whether there are any is not in it."""
    said = [f"drift: {one}" for one in owners.faults(folder)]
    try:
        said += [f"drift: {one}" for one in owners.exceptions(client)]
    except SluiceError as error:
        said.append(f"could not be checked: CODEOWNERS: {error}")
    return said


def _unnamed(folder: Path, one: desired.DesiredEnvironment) -> str:
    return (
        f"drift: {folder / 'environments.json'}: {one.name}: names nobody who approves; "
        "'sluice github setup --reviewer LOGIN' does"
    )
