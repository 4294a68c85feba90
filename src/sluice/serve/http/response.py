"""A response of the server."""

from __future__ import annotations

import msgspec


class Response(msgspec.Struct, frozen=True):
    """What is sent back. headers: further ones than content type and length."""

    body: bytes
    status: int = 200
    type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()
