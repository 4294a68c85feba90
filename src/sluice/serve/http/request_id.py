"""The id of an HTTP request: the caller's, from its header X-Request-ID; else the one that a
rollout's proxy gave it; else one of the server's.
"""

from __future__ import annotations

import itertools
import re

HEADER = b"x-request-id"
# The header of an OpenTracing trace, which the proxy of a rollout makes once for each request that
# it receives, and repeats with each attempt. See `rollout.machine.proxy.ENVIRONMENT`.
PROXY_HEADER = b"ot-tracer-traceid"
LONGEST = 128  # characters

# Visible ASCII is safe in a response header and in every log.
_VALID = re.compile(rb"[!-~]{1,%d}" % LONGEST)


class RequestIds:
    """Gives each request its id. instance: makes the ids of this worker unique."""

    def __init__(self, instance: str) -> None:
        self._made = (f"{instance}-{number}" for number in itertools.count(1))

    def of(self, headers: dict[bytes, bytes]) -> str:
        """The request's id, or a new one if it has none or one that is not valid.

        A proxy that retries a request sends the same headers, so its attempts can be recognised.
        """
        for header in (HEADER, PROXY_HEADER):
            given = headers.get(header)
            if given is not None and _VALID.fullmatch(given):
                return given.decode("ascii")
        return next(self._made)
