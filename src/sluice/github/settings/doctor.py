"""Check whether the repository matches `.github/settings`; an unreadable setting does not match.

A setting that GitHub's API does not return is reported as a note; only preflight refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from sluice.errors import SluiceError
from sluice.github import SECTIONS, Part
from sluice.github.api import access
from sluice.github.api.client import Client
from sluice.github.settings import desired, owners, server
from sluice.github.settings.actual import read as read_actual
from sluice.github.settings.plan import plan, unknown
from sluice.github.settings.plan_limits import unread, weaker_way


def run(
    repository: str | None,
    folder: Path,
    parts: Collection[Part],
    say: Callable[[str], None],
    reports: str | None = None,
) -> bool:
    """Print each difference as a line; return whether there are none.

    repository: OWNER/NAME, or None for git's origin. folder: contains the settings files. reports:
    the account with which the production server reports, if there is one.
    """
    files = desired.load(folder)
    sections = [one for one in SECTIONS if one in parts]
    with Client(access.find(repository)) as client:
        actual = read_actual(client, files, sections)
        unowned = _unowned(client, folder) if "owners" in parts else []
        unfit, looked = server.check(client, reports, files) if reports else ([], [])
    drift = [one for change in plan(files, actual, sections) for one in change.differences]
    said = [f"drift: {one}" for one in drift]
    if actual.repository.archived:
        said.insert(0, "drift: repository: archived, so nothing can be changed or released")
    said += [f"could not be checked: {line}" for line in unread(actual)]
    said += unowned + unfit
    if "environments" in sections:
        said += [_unnamed(folder, one) for one in files.unreviewed]
    gated = {f"environment {one.name}" for one in files.environments if one.prevent_self_review}
    if actual.repository.private and any(one.what in gated for one in drift):
        said.append(f"private: {weaker_way('environments')}")
    notes = [f"note: {one}" for one in unknown(files, actual, sections)] + looked
    for line in [*said, *notes]:
        say(client.access.printable(line))
    return not said


def _unowned(client: Client, folder: Path) -> list[str]:
    """Check CODEOWNERS, because a ruleset can require code owners although the file names none."""
    said = [f"drift: {one}" for one in owners.faults(folder)]
    try:
        said += [f"drift: {one}" for one in owners.exceptions(client)]
    except SluiceError as error:
        said.append(f"could not be checked: CODEOWNERS: {error}")
    return said


def _unnamed(folder: Path, one: desired.DesiredEnvironment) -> str:
    return (
        f"drift: {folder / 'environments.json'}: {one.name}: no reviewers are named: run "
        "'sluice github setup --reviewer LOGIN'"
    )
