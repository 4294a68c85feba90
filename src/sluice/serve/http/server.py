"""uvicorn with this server's limits, and with a shutdown that answers every accepted request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from sluice.serve.http.app import App
from sluice.serve.http.connection import Connection
from sluice.serve.settings import ServerSettings


class Server:
    """Serves the application.

    refused: called with the kind of each request that never reached the application.
    """

    def __init__(self, app: App, settings: ServerSettings, refused: Callable[[str], None]) -> None:
        class LimitedConnection(Connection):
            pass

        self._settings = settings
        LimitedConnection.settings, LimitedConnection.refused = settings, staticmethod(refused)
        LimitedConnection.direct = app.direct
        LimitedConnection.stopping = staticmethod(lambda: self.stopping)
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                http=LimitedConnection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=math.ceil(settings.idle_seconds),
                timeout_graceful_shutdown=math.ceil(
                    settings.drain_seconds + settings.body_seconds + 1
                ),
            )
        )
        self._uvicorn.connection = LimitedConnection

    @staticmethod
    def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
        """uvloop's event loop where it is installed; None means asyncio's own."""
        try:
            import uvloop
        except ImportError:  # uvloop does not exist for Windows
            return None
        factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
        return factory

    @property
    def stopping(self) -> bool:
        """Whether the server is stopping."""
        return bool(self._uvicorn.should_exit)

    def stop(self) -> None:
        """Tell the server to stop; `run` returns once open requests are answered."""
        self._uvicorn.should_exit = True

    async def run(self, listener: socket.socket, ready: Callable[[], Any]) -> None:
        """Serve until stopped and drained; call `ready` once connections are accepted."""
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # drop clients that do not read
            unread = math.ceil(self._settings.body_seconds * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread)
        self._uvicorn.ready = ready
        await self._uvicorn.serve([listener])


class _Uvicorn(uvicorn.Server):
    connection: type[Connection]
    ready: Callable[[], Any]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the worker handles signals itself

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """First take the connections that the kernel has accepted, because closing would reset
        them.
        """
        loop = asyncio.get_running_loop()
        for listener in sockets or []:
            with contextlib.suppress(BlockingIOError):
                while True:
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    await loop.connect_accepted_socket(self._protocol, connection)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return self.connection(self.config, self.server_state, app_state={})
