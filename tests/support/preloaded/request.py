"""What client and server say to each other over a Unix socket."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

# Where the server listens; its processes find it in their environment.
ADDRESS = "SLUICE_TEST_PRELOADED"
# If set, a command is killed as soon as the process that has asked for it ends.
TIED = "SLUICE_TEST_TIED"
_LENGTH = struct.Struct("!I")


def ask(
    address: str,
    command: Sequence[str],
    cwd: str | Path,
    environment: Mapping[str, str],
    files: Sequence[int] = (0, 1, 2),
) -> tuple[socket.socket, int]:
    """Start a command with these standard files; returns the connection and the process id."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    content = json.dumps([list(command), os.path.abspath(cwd), dict(environment)]).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(content))], list(files))
    connection.sendall(content)
    return connection, int.from_bytes(_exactly(connection, 4))


def status(connection: socket.socket) -> int:
    """Wait for the command to end; returns its exit status, or -9 if it was killed."""
    with connection:
        answer = connection.recv(4)
    return int.from_bytes(answer) if answer else -9


def receive(connection: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """Receive, in the process of a command, its words, folder, environment and standard files."""
    length, files, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
    connection.sendall(os.getpid().to_bytes(4))
    command, cwd, environment = json.loads(_exactly(connection, *_LENGTH.unpack(length)))
    return command, cwd, environment, files


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        more = connection.recv(length - len(content))
        if not more:
            raise ConnectionError("the server of preloaded processes has ended")
        content += more
    return content
