"""The id of an HTTP request: the caller's, from its header X-Request-ID, or one of the server's."""

from __future__ import annotations

import itertools
import re

HEADER = b"x-request-id"
LONGEST = 128  # characters

# Visible ASCII: safe in a header of the response, and in every log.
_VALID = re.compile(rb"[!-~]{1,%d}" % LONGEST)


class RequestIds:
    """Gives each request its id. instance: makes the ids of this worker unique."""

    def __init__(self, instance: str) -> None:
        self._made = (f"{instance}-{number}" for number in itertools.count(1))

    def of(self, headers: dict[bytes, bytes]) -> str:
        """The id that the request brings; a new one if it brings none, or one that is not valid.

        A proxy that tries a request again sends the same header, so its attempts can be told.
        """
        given = headers.get(HEADER)
        if given is not None and _VALID.fullmatch(given):
            return given.decode("ascii")
        return next(self._made)
