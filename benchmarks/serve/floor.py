"""The lower bound for any server on uvicorn: read the request, and send an empty object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

_HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
}
_BODY = {"type": "http.response.body", "body": b"{}"}


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(_HEAD)
    await send(_BODY)
