"""Which repository is meant, where its API answers, and with whose token."""

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
# A shorter one is no token, and hiding it would only spoil other words.
_SECRET = 8


@dataclass(frozen=True)
class Access:
    owner: str
    name: str
    url: str
    token: str = field(repr=False)

    @property
    def repository(self) -> str:
        return f"{self.owner}/{self.name}"

    def printable(self, text: str) -> str:
        """A line fit to print: a server may echo what it was sent, or send what moves a cursor."""
        plain = text.replace(self.token, "***") if len(self.token) >= _SECRET else text
        return "".join(letter if letter.isprintable() else " " for letter in plain)


def find(repository: str | None) -> Access:
    """Read the repository's name from what is given, GITHUB_REPOSITORY or git, in this order."""
    url = os.environ.get("GITHUB_API_URL") or _PUBLIC
    if not _is_address(url):
        # What it is may hold a password.
        raise SluiceError(
            f"GITHUB_API_URL is no plain address such as {_PUBLIC}: expected https://HOST[:PORT]"
            "[/PATH], without a user, a query or blanks"
        )
    name = (repository or os.environ.get("GITHUB_REPOSITORY") or _origin()).removesuffix(".git")
    if not _NAME.fullmatch(name):
        raise SluiceError(f"{name!r} is no repository: expected OWNER/NAME")
    owner, _, name = name.partition("/")
    return Access(owner, name, url, _token(url))


def _is_address(url: str) -> bool:
    try:
        return bool(_ADDRESS.fullmatch(url)) and urlsplit(url).port != 0
    except ValueError:  # such as a port over 65535
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
        raise SluiceError(f"origin is {bare!r}, no address on GitHub: give --repo OWNER/NAME")
    host, name = found["host"].lower(), found["name"].rstrip("/")
    # A token must not go to a server only because a clone came from there.
    if host not in ("github.com", "ssh.github.com") and not os.environ.get("GITHUB_API_URL"):
        raise SluiceError(
            f"origin is at {host}: if that is GitHub Enterprise, set "
            f"GITHUB_API_URL=https://{host}/api/v3, else give --repo OWNER/NAME"
        )
    return name


def _token(url: str) -> str:
    said = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or _token_of_gh(url)
    token = said.strip()
    # A line break in a header would come back in an error message, and the token with it.
    if not re.fullmatch(r"[!-~]+", token):
        raise SluiceError(
            "the token in GITHUB_TOKEN or GH_TOKEN is no token: it has odd characters"
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
        raise SluiceError(f"no token: set GITHUB_TOKEN, or run 'gh auth login --hostname {host}'")
    return done.stdout
