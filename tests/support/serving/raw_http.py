"""HTTP byte by byte, for requests that no client library would send."""

from __future__ import annotations

import http.client
import re
import socket

from support.serving.server import Reply, RunningServer

POST = b"POST /score HTTP/1.1\r\nHost: x\r\n"


def connected(server: RunningServer, seconds: float = 20) -> socket.socket:
    """A connection whose reads fail after so many seconds."""
    return socket.create_connection((server.host, server.port), timeout=seconds)


def exchange(
    server: RunningServer, sent: bytes, *, seconds: float = 10, finish: bool = False
) -> bytes:
    """Receive until the server closes, or until nothing arrives for this many seconds.

    finish: close the sending side after the last byte.
    """
    with connected(server, seconds) as connection:
        connection.sendall(sent)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except TimeoutError:
            pass
        return received


def statuses(received: bytes) -> list[int]:
    """The status of each response."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def read_reply(connection: socket.socket) -> Reply:
    """The next response on a connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    fields = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, fields, response.read())
