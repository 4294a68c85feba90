"""A running server from its clients' point of view, in a process or a container."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from sluice.errors import SluiceError

HOST = "127.0.0.1"

_READY_SECONDS = 60.0
_PAUSE = 0.05  # seconds
_LINES = 3  # lines of the server's output in an error message


@dataclass(frozen=True)
class Target:
    """Where a server of this machine listens, and how to measure it.

    token: the bearer token that it accepts. runs_as: "process", or the id of the image.
    memory: returns the resident bytes of all its processes now, or None if unreadable.
    """

    port: int
    token: str
    runs_as: str
    memory: Callable[[], int | None]


def new_token() -> str:
    """A random bearer token that the server accepts."""
    return secrets.token_urlsafe()


def wait(ready: Callable[[], bool], alive: Callable[[], bool], output: Callable[[], str]) -> None:
    """Wait until the server is ready.

    Raises SluiceError, with the last lines of its output, if it ends first or takes longer than
    a minute.
    """
    end = time.monotonic() + _READY_SECONDS
    while not ready():
        if not alive():
            raise SluiceError(f"the server ended before it was ready: {_last(output())}")
        if time.monotonic() > end:
            raise SluiceError(
                f"the server was not ready within {_READY_SECONDS:g} s: {_last(output())}"
            )
        time.sleep(_PAUSE)


def answers_ready(port: int) -> bool:
    """Whether the server behind this port reports that it is ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    # The proxy of a container engine accepts connections earlier than the server does.
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-_LINES:]) or "it printed nothing"
