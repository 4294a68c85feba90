"""The callers of a rehearsal, as a process: `python -m sluice.rollout.rehearsal.clients`.

The callers send requests at a fixed rate, whether or not earlier ones were answered (an open loop),
each with a unique id. The plan is one line of JSON on standard input; when standard input is
closed, they wait for the open requests and write the result of each to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import httptools
import msgspec

from sluice.serve.target import HOST

# A request without an answer after this many seconds counts as lost.
_PATIENCE = 20.0
LOST = 0


class Plan(msgspec.Struct, frozen=True):
    """What to send. rate: requests a second. records: the rows of each request, as JSON.

    pinned: the share of requests that carry `header`, a complete header line.
    """

    port: int
    token: str
    rate: float
    records: list[str]
    pinned: float = 0.0
    header: str = ""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """One request.

    A request that was sent. at: seconds since 1970. status: the status of the response; `LOST` if
    there was none.
    """

    id: str
    at: float
    seconds: float
    status: int


class _Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[int] | None = None
        self.open = True

    def send(self, request: bytes) -> asyncio.Future[int]:
        """The status of the response; fails with ConnectionError if there is none."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is not None:
            self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.close()

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError())

    # Called by the parser

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())


class _Callers:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._idle: list[_Connection] = []
        self._sent: list[Sent] = []
        self._open: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> list[Sent]:
        """Send until told to stop, then wait for open requests."""
        began, number = time.monotonic(), 0
        while not stop.is_set():
            task = asyncio.create_task(self._send(number))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            number += 1
            pause = began + number / self._plan.rate - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(pause, 0))
        await asyncio.gather(*self._open)
        return self._sent

    async def _send(self, number: int) -> None:
        name, at, began = f"rehearsal-{number}", time.time(), time.monotonic()
        status = LOST
        try:
            async with asyncio.timeout(_PATIENCE):
                connection = await self._connection()
                status = await connection.send(self._request(name, number))
                if connection.open:
                    self._idle.append(connection)
        except OSError:  # includes time-outs
            pass
        self._sent.append(Sent(name, at, time.monotonic() - began, status))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, HOST, self._plan.port))[1]

    def _request(self, name: str, number: int) -> bytes:
        records = self._plan.records[number % len(self._plan.records)]
        body = f'{{"id":"{name}","records":[{records}]}}'.encode()
        often = round(1 / self._plan.pinned) if self._plan.pinned else 0
        more = f"{self._plan.header}\r\n" if often and number % often == 0 else ""
        head = (
            f"POST /score HTTP/1.1\r\nHost: {HOST}:{self._plan.port}\r\n"
            f"Authorization: Bearer {self._plan.token}\r\nContent-Type: application/json\r\n"
            f"{more}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def _run(plan: Plan) -> list[Sent]:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    return await _Callers(plan).run(stop)


def main() -> None:
    """Read the plan, send, and write a list of `Sent` as msgpack."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(asyncio.run(_run(plan))))


if __name__ == "__main__":
    main()
