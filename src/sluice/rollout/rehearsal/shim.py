"""A faulty network in front of a server: `python -m sluice.rollout.rehearsal.shim`.

This process passes requests on to a server of this machine, and answers some of them with 503 or
late. The plan is one line of JSON on standard input, the port is written to standard output, and
the process ends when standard input is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time

import httptools
import msgspec

from sluice.serve.target import HOST

_SCORE = b"/score"
_FAILED = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"
    b'content-length: 29\r\n\r\n{"error":"a planted failure"}'
)
_UNREADABLE = (
    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"results":['
)


class ShimPlan(msgspec.Struct, frozen=True):
    """port: the port of the server. errors: the share of requests to score that fail; it grows by
    `drift` each second up to `most`. slow: the share that is delayed by `delay` seconds.
    unreadable: seconds after which every answer is cut off, with status 200. seed: the seed of the
    random choice.
    """

    port: int
    errors: float = 0.0
    drift: float = 0.0
    most: float = 1.0
    slow: float = 0.0
    delay: float = 0.0
    unreadable: float | None = None
    seed: int = 0


_Parser = httptools.HttpRequestParser | httptools.HttpResponseParser


class _Message:
    """One HTTP message, whose bytes are passed on unchanged."""

    def __init__(self, parser: type[_Parser]) -> None:
        self.content, self.url, self.complete = b"", b"", False
        self._parser = parser(self)

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        """The complete message; empty if the connection ends first."""
        while not self.complete:
            part = await reader.read(2**16)
            if not part:
                return b""
            self.content += part
            self._parser.feed_data(part)
        return self.content

    # Called by the parser

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_message_complete(self) -> None:
        self.complete = True


class _Shim:
    def __init__(self, plan: ShimPlan) -> None:
        self._plan = plan
        self._began = time.monotonic()
        self._random = random.Random(plan.seed)  # noqa: S311  chance, no secret
        # asyncio drops a task that waits for the server once its client has gone.
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the requests of one connection on."""
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, httptools.HttpParserError):
            server, to_server = await asyncio.open_connection(HOST, self._plan.port)
            while True:
                message = _Message(httptools.HttpRequestParser)
                if not (request := await message.read(reader)):
                    break
                if message.url == _SCORE and self._random.random() < self._failing():
                    writer.write(_FAILED)
                    continue
                if message.url == _SCORE and self._random.random() < self._plan.slow:
                    await asyncio.sleep(self._plan.delay)
                to_server.write(request)
                answer = await _Message(httptools.HttpResponseParser).read(server)
                if not answer:
                    break
                spoiled = message.url == _SCORE and self._spoils()
                writer.write(_UNREADABLE if spoiled else answer)
                await writer.drain()
            to_server.close()
        writer.close()

    def _spoils(self) -> bool:
        after = self._plan.unreadable
        return after is not None and time.monotonic() - self._began > after

    def _failing(self) -> float:
        plan = self._plan
        return min(plan.most, plan.errors + plan.drift * (time.monotonic() - self._began))


async def _run(plan: ShimPlan) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    listener = await asyncio.start_server(_Shim(plan).accept, HOST, 0)
    os.write(sys.stdout.fileno(), b"%d\n" % listener.sockets[0].getsockname()[1])
    await stop.wait()


def main() -> None:
    """Read the plan, print the port, and pass requests on."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=ShimPlan)
    asyncio.run(_run(plan))


if __name__ == "__main__":
    main()
