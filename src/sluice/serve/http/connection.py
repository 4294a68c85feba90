"""A connection: what ASGI leaves to the server, about time, size and the end.

uvicorn's own protocol waits forever for slow clients, takes headers of any
length, answers errors in plain text, and at the end closes connections on which
a request may be on its way. This one does not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from itertools import chain
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sluice.serve.settings import ServerSettings

_HEADERS, _BODY = "headers", "body"
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_LINGER = 1.0  # seconds in which a refused client may read why, still sending


class _TooManyHeadersError(Exception):
    """The request line and headers are longer than allowed."""


class Connection(HttpToolsProtocol):
    settings: ServerSettings
    refused: Callable[[str], None]  # told the kind of each refusal
    stopping: Callable[[], bool]

    def __init__(self, config: Config, server_state: ServerState, **rest: Any) -> None:
        super().__init__(config, server_state, **rest)
        self._arriving = _HEADERS  # the part of a request that is on its way, if any
        self._request = 0
        self._header_bytes = 0
        self._too_long = False
        self._watched: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._draining = False
        self._deaf = False  # what still arrives is thrown away

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(503, "too_many_connections", "too many open connections")
            return
        self._watch()
        if type(self).stopping():  # accepted before the end, and made known after it
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._arriving == _BODY and not self.cycle.response_started:
            type(self).refused("client_gone")
        self._arriving = ""
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        if self._arriving != _BODY:
            self._header_bytes += len(data)
            if b"pgrade:" in data or b"PGRADE:" in data:
                data = _without_upgrade(data)
        super().data_received(data)
        if self._arriving == _HEADERS and self._header_bytes > self.settings.max_headers:
            self._refuse_headers()
        self._watch()
        if not (self._deaf or self._arriving):
            self._wait_for_another()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Who sends no more may still wait for an answer."""
        waiting = self.cycle is not None and not self.cycle.response_complete
        if waiting and not self._arriving:
            self.cycle.keep_alive = False
            return True
        return False

    def _wait_for_another(self) -> None:
        """Line ends between two requests begin none."""
        waiting = self.timeout_keep_alive_task is not None or self.transport.is_closing()
        if self.cycle.response_complete and not waiting:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # Parser callbacks, in the order in which they come
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._request += 1
        self._arriving = _HEADERS

    def on_headers_complete(self) -> None:
        # Held here too: they may have come in one piece, with the body.
        self._too_long = self._headers_length() > self.settings.max_headers
        if self._too_long:
            raise _TooManyHeadersError
        super().on_headers_complete()
        self._header_bytes = 0
        self._arriving = _BODY
        if self._draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = ""

    def send_400_response(self, msg: str) -> None:
        if self._too_long:
            self._refuse_headers()
        else:
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

    def _headers_length(self) -> int:
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers)))

    def _refuse_headers(self) -> None:
        most = self.settings.max_headers
        self._refuse(431, "too_large", f"headers of more than {most:,} bytes")

    def _refuse(self, status: int, kind: str, said: str) -> None:
        """Answer without the application if nothing was answered yet, and close."""
        type(self).refused(kind)
        cycle, arriving = self.cycle, self._arriving
        self._deaf, self._arriving = True, ""
        self._watch()
        if arriving != _BODY and cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # what came before is still to be answered
            return
        if arriving != _BODY or not cycle.response_started:
            body = msgspec.json.encode({"error": said})
            again = b"retry-after: 1\r\n" if status == 503 else b""
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\nconnection: close\r\n"
                + again
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
        self._leave()

    def _leave(self) -> None:
        """Close once the client had time to read: unread bytes would take the answer along."""
        self.connections.discard(self)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.close)


def _without_upgrade(data: bytes) -> bytes:
    """Nothing is upgraded to here, but the parser would take the body for the new protocol's."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nX-Upgrade:", head) + end + rest
