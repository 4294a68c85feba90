"""An HTTP connection with limits on time and size, and with an orderly shutdown.

uvicorn's own connection waits forever for slow clients, accepts headers of any
length, answers errors in plain text, and at shutdown closes connections on which
a request may be arriving. This subclass changes all four.
"""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Callable
from itertools import chain
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sluice.serve.http.direct import DirectCycle, DirectInference
from sluice.serve.http.forwarded import CLOSED
from sluice.serve.settings import ServerSettings

_HEADERS, _BODY = "headers", "body"
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
# The event of a client that has closed its side; not every system has it.
_CLOSED: int = getattr(select, "POLLRDHUP", 0)
_LINGER = (
    1.0  # seconds before a refused connection is closed, so that the client can read the reason
)


class _TooManyHeadersError(Exception):
    """The request line and headers are longer than allowed."""


class Connection(HttpToolsProtocol):
    """One client's connection. A subclass sets the attributes below.

    Methods without a docstring override those of asyncio and uvicorn.

    refused: called with the kind of each refusal. stopping: whether the server stops. direct:
    answers the usual inference requests.
    """

    settings: ServerSettings
    direct: DirectInference
    refused: Callable[[str], None]
    stopping: Callable[[], bool]

    def __init__(self, config: Config, server_state: ServerState, **rest: Any) -> None:
        super().__init__(config, server_state, **rest)
        self._arriving = (
            _HEADERS  # the part of a request that is being received; empty if there is none
        )
        self._request = 0
        self._header_bytes = self._chunk_bytes = 0
        self._too_long = False
        self._watched: tuple[int, str] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._draining = False
        self._ignoring = False  # further input is discarded
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.settings.max_connections:
            self._refuse(503, "too_many_connections", "too many open connections; try again later")
            return
        self._watch()
        if type(self).stopping():  # the kernel had accepted it before the shutdown
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._arriving == _BODY and not self.cycle.response_started:
            type(self).refused("client_gone")
        self._arriving = ""
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ignoring or self.transport.is_closing():
            return
        self._chunk_bytes = len(data)
        if self._arriving != _BODY:
            self._header_bytes += len(data)
            head = data.partition(b"\r\n\r\n")[0]
            if b"pgrade:" in head or b"PGRADE:" in head:
                data = _without_upgrade(data)
        super().data_received(data)
        if self._arriving == _HEADERS and self._header_bytes > self.settings.max_headers:
            self._refuse_headers()
        self._watch()
        if not (self._ignoring or self._arriving):
            self._wait_for_another()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Stay open if the client sends no more but still waits for a response."""
        waiting = self.cycle is not None and not self.cycle.response_complete
        if waiting and not self._arriving:
            self.cycle.keep_alive = False
            return True
        return False

    def _wait_for_another(self) -> None:
        """Restart the idle time-out, which is cancelled by line ends between two requests."""
        waiting = self.timeout_keep_alive_task is not None or self.transport.is_closing()
        if self.cycle.response_complete and not waiting:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # The parser's callbacks, in the order of their calls
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][CLOSED] = self.closed
        self._request += 1
        self._arriving = _HEADERS

    def on_headers_complete(self) -> None:
        # Checked here too, because headers and body may arrive in one piece.
        most = self.settings.max_headers
        arrived = self._header_bytes + self._chunk_bytes  # at least the length of the headers
        self._too_long = arrived > most and self._headers_length() > most
        if self._too_long:
            raise _TooManyHeadersError
        if not self._start_directly():
            super().on_headers_complete()
        self._header_bytes = 0
        self._arriving = _BODY
        if self._draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._arriving = ""
        if isinstance(self.cycle, DirectCycle) and not self.cycle.response_complete:
            type(self).direct.answer(self.cycle)

    def _start_directly(self) -> bool:
        """Start a request that can be answered without uvicorn's request cycle."""
        if self.flow.write_paused or not (self.cycle is None or self.cycle.response_complete):
            return False
        headers = dict(self.headers)
        if not type(self).direct.takes(self.parser.get_method(), self.url, headers):
            return False
        keep_alive = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        cycle: Any = DirectCycle(
            headers, keep_alive=keep_alive, send=self._send, closed=self.closed
        )
        self.cycle = cycle
        return True

    def closed(self) -> bool:
        """Whether the client has closed its side, even if the event loop does not know it yet."""
        if self.transport.is_closing():
            return True
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.transport.get_extra_info("socket").fileno(), _CLOSED)
        return bool(self._poll.poll(0))

    def _send(self, message: bytes) -> None:
        """Send the complete response to a request that was started directly."""
        cycle = self.cycle
        cycle.response_started = cycle.response_complete = True
        self.transport.write(message)
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def send_400_response(self, msg: str) -> None:
        if self._too_long:
            self._refuse_headers()
        else:
            self._refuse(400, "bad_http", "not a valid HTTP request")

    def shutdown(self) -> None:
        """Answer one more request on this connection, and tell the client that it is the last."""
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
        """Set the deadline by which the arriving part of the request must be complete."""
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
        if self._request == 0:  # the client never sent anything, so it expects no response
            self.transport.close()
        elif not self.transport.is_closing():
            self._refuse(408, "too_slow", f"the request's {self._arriving} did not arrive in time")

    def _headers_length(self) -> int:
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers)))

    def _refuse_headers(self) -> None:
        most = self.settings.max_headers
        self._refuse(
            431, "too_large", f"the request line and headers are larger than {most:,} bytes"
        )

    def _refuse(self, status: int, kind: str, message: str) -> None:
        """Send the error, unless a response has already begun, and close the connection."""
        type(self).refused(kind)
        cycle, arriving = self.cycle, self._arriving
        self._ignoring, self._arriving = True, ""
        self._watch()
        if arriving != _BODY and cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False  # the request before this one still gets its response
            return
        if arriving != _BODY or not cycle.response_started:
            body = msgspec.json.encode({"error": message})
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
        """Close after a pause: closing with unread input would discard the response."""
        self.connections.discard(self)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.close)


def _without_upgrade(data: bytes) -> bytes:
    """Rename Upgrade headers: upgrades are declined, and otherwise the parser would stop at the
    body.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nX-Upgrade:", head) + end + rest
