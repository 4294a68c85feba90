"""A response of the server."""

from __future__ import annotations

import msgspec


class Response(msgspec.Struct, frozen=True):
    """A response. headers: those besides content type and length."""

    body: bytes
    status: int = 200
    type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
