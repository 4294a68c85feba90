"""Requests from a proxy, and whether it has given them up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.serve.queue import never

_HEADER = b"x-forwarded-for"
# The key in the state of an ASGI scope.
CLOSED = "sluice.closed"


def abandonment(headers: Mapping[bytes, bytes], closed: Callable[[], bool]) -> Callable[[], bool]:
    """Returns whether the client of a request with these headers no longer waits for a response.

    A proxy closes a connection to give up its request. Other clients may close only their own side
    of the connection, and still wait. closed: returns whether the client has closed its side.
    """
    return closed if _HEADER in headers else never
