"""A running server as the tests see it, however it was started."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from sluice.errors import SluiceError

HOST = "127.0.0.1"

_READY_SECONDS = 60.0
_PAUSE = 0.05
_LAST = 3  # lines of what it said


@dataclass(frozen=True)
class Target:
    """`memory` is the resident bytes of all its processes now; None if that cannot be read.

    runs_as: "process", or the id of the image.
    """

    port: int
    token: str
    runs_as: str
    memory: Callable[[], int | None]


def new_token() -> str:
    return secrets.token_urlsafe()


def wait(ready: Callable[[], bool], alive: Callable[[], bool], said: Callable[[], str]) -> None:
    """Until it is ready; raises SluiceError with its last words if it ends, or takes too long."""
    end = time.monotonic() + _READY_SECONDS
    while not ready():
        if not alive():
            raise SluiceError(f"the server ended before it was ready: {_last(said())}")
        if time.monotonic() > end:
            raise SluiceError(
                f"the server was not ready within {_READY_SECONDS:g} s: {_last(said())}"
            )
        time.sleep(_PAUSE)


def answers_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # an engine's proxy accepts before the server
        return False
    finally:
        connection.close()


def _last(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-_LAST:]) or "it said nothing"
