"""A connection: what ASGI leaves to the server, about time, size and the end.

uvicorn's own protocol waits forever for slow clients, takes headers of any
length, answers errors in plain text, and at the end closes connections on which
a request may be on its way. This one does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sluice.serve.settings import Settings

_HEADERS, _BODY = "headers", "body"


class Connection(HttpToolsProtocol):
    settings: Settings
    refused: Callable[[str], None]  # told the kind of each refusal

    def __init__(self, config: Config, server_state: ServerState, **rest: Any) -> None:
        super().__init__(config, server_state, **rest)
        self._arriving = _HEADERS  # the part of a request that is on its way, if any
        self._request = 0
        self._header_bytes = 0
        self._watched: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._draining = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(503, "too_many_connections", "too many open connections")
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arriving = ""
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._arriving != _BODY:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._arriving == _HEADERS and self._header_bytes > self.settings.max_headers:
            most = self.settings.max_headers
            self._refuse(431, "too_large", f"headers of more than {most:,} bytes")
        self._watch()

    # Parser callbacks, in the order in which they come
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._request += 1
        self._arriving = _HEADERS

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._header_bytes = 0
        self._arriving = _BODY
        if self._draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = ""

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad_http", "not an HTTP request")

    def shutdown(self) -> None:
        """Answer what still arrives on this connection, and say that it is the last."""
        self._draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        for cycle, _ in self.pipeline:
            cycle.keep_alive = False
        self.loop.call_later(self.settings.drain_seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _watch(self) -> None:
        """Set the time until which the part that is on its way must be there."""
        arriving = (self._request, self._arriving) if self._arriving else None
        if arriving == self._watched:
            return
        self._watched = arriving
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if arriving:
            settings = self.settings
            body = self._arriving == _BODY
            seconds = settings.body_seconds if body else settings.header_seconds
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._request == 0:  # never sent anything: nobody waits for an answer
            self.transport.close()
        elif not self.transport.is_closing():
            self._refuse(408, "too_slow", f"the request's {self._arriving} took too long")

    def _refuse(self, status: int, kind: str, said: str) -> None:
        """Answer without the application if nothing was answered yet, and close."""
        type(self).refused(kind)
        cycle = self.cycle
        if self._arriving == _BODY:
            silent = not cycle.response_started
        else:
            silent = cycle is None or cycle.response_complete
        if silent:
            body = msgspec.json.encode({"error": said})
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\nconnection: close\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()
