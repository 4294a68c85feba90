"""Find the repository, the address of its API, and the token to use."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sluice import git
from sluice.errors import SluiceError

_PUBLIC = "https://api.github.com"
_ADDRESS = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?(/[\w.~/-]*)?", re.ASCII
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/(?!\.{1,2}$)[A-Za-z0-9._-]+")
_REMOTE = re.compile(
    r"(?:\w+://)?(?:[^/]+@)?(?P<host>\w[^:/@]*)(?::\d+(?=/))?[:/]/?(?P<name>[^/@][^@]*)"
)
# A shorter text is not a token, and hiding it would remove parts of other words.
_SHORTEST_TOKEN = 8


@dataclass(frozen=True)
class Access:
    """A repository and how to reach it. url: the API, such as https://api.github.com."""

    owner: str
    name: str
    url: str
    token: str = field(repr=False)

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    def printable(self, text: str) -> str:
        """The text without the token and without control characters; a server may send both."""
        plain = text.replace(self.token, "***") if len(self.token) >= _SHORTEST_TOKEN else text
        return "".join(letter if letter.isprintable() else " " for letter in plain)


def find(repository: str | None) -> Access:
    """Find the repository, its API and a token.

    The name comes from `repository` (OWNER/NAME), the variable GITHUB_REPOSITORY or git's remote
    origin, in this order; the token from GITHUB_TOKEN, GH_TOKEN or the command gh.
    Raises SluiceError if the name or the token cannot be found, or is not valid.
    """
    url = os.environ.get("GITHUB_API_URL") or _PUBLIC
    if not _is_address(url):
        # The message does not show the value, which may contain a password.
        raise SluiceError(
            f"GITHUB_API_URL is not a plain address such as {_PUBLIC}: expected https://HOST"
            "[:PORT][/PATH], without a user, a query or spaces"
        )
    name = (repository or os.environ.get("GITHUB_REPOSITORY") or _origin()).removesuffix(".git")
    if not _NAME.fullmatch(name):
        raise SluiceError(f"{name!r} is not the name of a repository: expected OWNER/NAME")
    owner, _, name = name.partition("/")
    return Access(owner, name, url, _token(url))


def _is_address(url: str) -> bool:
    try:
        return bool(_ADDRESS.fullmatch(url)) and urlsplit(url).port != 0
    except ValueError:  # for example a port over 65535
        return False


def _origin() -> str:
    done = git.run(Path(), "remote", "get-url", "origin")
    if done.returncode:
        raise SluiceError(
            f"the repository on GitHub is not known: {git.reason(done)}; give --repo OWNER/NAME"
        )
    url = done.stdout.decode("utf-8", "replace").strip()
    found = _REMOTE.fullmatch(url)
    if not found:
        bare = url.rpartition("@")[2]
        raise SluiceError(
            f"git's remote origin is {bare!r}, which is not an address on GitHub: give --repo "
            "OWNER/NAME"
        )
    host, name = found["host"].lower(), found["name"].rstrip("/")
    # The token must not be sent to a server only because the clone came from there.
    if host not in ("github.com", "ssh.github.com") and not os.environ.get("GITHUB_API_URL"):
        raise SluiceError(
            f"git's remote origin is on {host}: if this is GitHub Enterprise, set "
            f"GITHUB_API_URL=https://{host}/api/v3, otherwise give --repo OWNER/NAME"
        )
    return name


def _token(url: str) -> str:
    found = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or _token_of_gh(url)
    token = found.strip()
    # With a line break in it, the token would appear in the error message of the HTTP library.
    if not re.fullmatch(r"[!-~]+", token):
        raise SluiceError(
            "the token in GITHUB_TOKEN or GH_TOKEN has a space or another character that is not "
            "valid in a token: set it again"
        )
    return token


def _token_of_gh(url: str) -> str:
    host = "github.com" if url.rstrip("/") == _PUBLIC else urlsplit(url).netloc
    if host.endswith(".ghe.com"):
        host = host.removeprefix("api.")
    try:
        done = subprocess.run(
            ["gh", "auth", "token", "--hostname", host],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode or not done.stdout.strip():
        raise SluiceError(
            f"no token for {host}: set GITHUB_TOKEN, or run 'gh auth login --hostname {host}'"
        )
    return done.stdout
