"""Check the account that the production server uses to report on canaries."""

from __future__ import annotations

from msgspec import Struct

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.client import Client
from sluice.github.api.connection import RefusedError, quoted
from sluice.github.settings.desired import DesiredSettings

# GitHub's names of the roles that may write deployments but not change settings.
_RIGHT = "write"
_CURE = {
    "admin": "give it the role Write, because its token is stored on the server",
    "read": "it cannot report on canaries: give it the role Write",
    "none": "it cannot report on canaries: give it the role Write",
}


class _Role(Struct):
    """What an account may do in the repository: admin, write, read or none."""

    permission: str


def check(client: Client, login: str, files: DesiredSettings) -> tuple[list[str], list[str]]:
    """The faults and the notes, one line each. login: the name of the account.

    GitHub shows the rights of an app only on the app's own page, so a note asks a person to look
    there.
    """
    where = f"server {login} in delivery.json"
    faults = [
        f"drift: {where}: it is a reviewer of {one.name}, and would approve what it reports on: "
        "name another account"
        for one in files.environments
        if ("User", login.lower()) in {reviewer.key for reviewer in one.reviewers}
    ]
    try:
        account = client.read_or_none(
            responses.Account, lambda: client.rest.users.get_by_username(quoted(login))
        )
        if account is None:
            return [*faults, f"drift: {where}: GitHub has no such account: correct the name"], []
        if account.type == "Bot":
            note = "its App must only be able to write Deployments: check this on its page"
            return faults, [f"note: {where}: {note}"]
        if not account.is_person:
            said = f"drift: {where}: it is neither a user nor an App, so it cannot have a token"
            return [*faults, said], []
        if (role := _role(client, login)) != _RIGHT:
            cure = _CURE.get(role, "give it the role Write")
            faults.append(f"drift: {where}: its role in the repository is {role}: {cure}")
    except SluiceError as error:
        faults.append(f"could not be checked: {where}: {error}")
    return faults, []


def _role(client: Client, login: str) -> str:
    repos = client.rest.repos
    try:
        return client.read(
            _Role,
            lambda: repos.get_collaborator_permission_level(*client.place, quoted(login)),
        ).permission
    except RefusedError as refused:
        if refused.status == 404:
            return "none"
        raise
