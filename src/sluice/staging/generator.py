"""The load generator, which runs as its own process: `python -m sluice.staging.generator`.

The generator reads a LoadPlan from standard input and writes LoadTimings to standard output, both
as msgpack. Each connection sends the next request as soon as the last one is answered, and the
scores in every response are compared with the expected ones. Responses are parsed with httptools,
because the client of the standard library is slower than the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator

import httptools
import msgspec

from sluice.serve.target import HOST
from sluice.staging.remote import ScoreResponse

# Seconds after which a request has failed, and to wait before the next one.
_SECONDS = 10.0
_PAUSE = 0.05

# Kinds of failure, besides "status NNN".
TIMEOUT, LOST = "no response in time", "the connection failed"
UNREADABLE, WRONG = "a response without scores", "a wrong score"


class ScoredRequest(msgspec.Struct, frozen=True):
    """The body of a request, and the expected scores of each of its rows."""

    body: bytes
    scores: list[list[float]]


class LoadPlan(msgspec.Struct, frozen=True):
    """What to send, where, and for how long.

    warm_up: requests before those that count. classes: names of the model's classes, in order. A
    score may differ by `tolerance` times `scale`, or times the score itself if that is larger.
    """

    port: int
    token: str
    connections: int
    seconds: float
    warm_up: int
    requests: list[ScoredRequest]
    classes: tuple[str, ...]
    scale: float
    tolerance: float


class LoadTimings(msgspec.Struct, frozen=True):
    """seconds: the duration of the complete run. correct: the seconds that each correct response
    took.

    failures: failed requests by kind.
    """

    seconds: float
    correct: list[float]
    failures: dict[str, int]


class _LostError(Exception):
    pass


class _Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    _transport: asyncio.Transport
    _response: asyncio.Future[tuple[int, bytes]]

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self.lost = False

    def send(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """The status and the body of the response; fails with _LostError if there is none."""
        self._response = asyncio.get_running_loop().create_future()
        self._parts = []
        self._transport.write(request)
        return self._response

    def close(self) -> None:
        self.lost = True
        self._transport.close()

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        with contextlib.suppress(AttributeError, asyncio.InvalidStateError):
            self._response.set_exception(_LostError())

    # Called by the parser

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        with contextlib.suppress(AttributeError, asyncio.InvalidStateError):
            self._response.set_result((self._parser.get_status_code(), b"".join(self._parts)))


class Generator:
    """Sends the requests of a plan over its connections."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._decoder = msgspec.json.Decoder(ScoreResponse)
        self._requests = itertools.cycle(
            [(_encode(plan, one), one.scores) for one in plan.requests]
        )
        self._correct: list[float] = []
        self._failures: Counter[str] = Counter()

    async def run(self) -> LoadTimings:
        """Warm up, then send requests for the planned time."""
        connections: list[_Connection | None] = [None] * self._plan.connections
        connections = await self._send_on_all(connections, iter(range(self._plan.warm_up)))
        self._correct, self._failures = [], Counter()
        began = time.perf_counter()
        await self._send_on_all(connections, itertools.count())
        return LoadTimings(time.perf_counter() - began, self._correct, dict(self._failures))

    async def _send_on_all(
        self, connections: list[_Connection | None], turns: Iterator[int]
    ) -> list[_Connection | None]:
        end = time.perf_counter() + self._plan.seconds
        return list(await asyncio.gather(*(self._send_on(one, turns, end) for one in connections)))

    async def _send_on(
        self, connection: _Connection | None, turns: Iterator[int], end: float
    ) -> _Connection | None:
        """Send until the turns or the time have run out; returns the connection."""
        while time.perf_counter() < end and next(turns, None) is not None:
            request, scores = next(self._requests)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(_SECONDS):
                    if connection is None or connection.lost:
                        connection = await self._connect()
                    status, content = await connection.send(request)
            except (OSError, _LostError) as error:
                self._failures[TIMEOUT if isinstance(error, TimeoutError) else LOST] += 1
                if connection is not None:
                    connection.close()
                await asyncio.sleep(_PAUSE)
                continue
            seconds = time.perf_counter() - began
            if problem := self._problem(status, content, scores):
                self._failures[problem] += 1
            else:
                self._correct.append(seconds)
        return connection

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, HOST, self._plan.port)
        return connection

    def _problem(self, status: int, content: bytes, scores: list[list[float]]) -> str:
        """The kind of failure; empty if the response is correct."""
        if status != 200:
            return f"status {status}"
        try:
            results = self._decoder.decode(content).results
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return UNREADABLE
        if len(results) != len(scores):
            return UNREADABLE
        for result, expected in zip(results, scores, strict=True):
            values = result.values(self._plan.classes)
            if values is None or len(values) != len(expected):
                return UNREADABLE
            if not all(map(self._within_tolerance, expected, values)):
                return WRONG
        return ""

    def _within_tolerance(self, expected: float, value: float) -> bool:
        allowed = self._plan.tolerance * max(self._plan.scale, abs(expected))
        return abs(expected - value) <= allowed


def _encode(plan: LoadPlan, request: ScoredRequest) -> bytes:
    """The complete HTTP request."""
    head = (
        f"POST /score HTTP/1.1\r\nHost: {HOST}:{plan.port}\r\n"
        f"Authorization: Bearer {plan.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def main() -> None:
    """Read the plan, run it, write the timings."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=LoadPlan)
    gc.freeze()
    gc.disable()  # pauses of the garbage collector would count as pauses of the server
    timings = asyncio.run(Generator(plan).run())
    sys.stdout.buffer.write(msgspec.msgpack.encode(timings))


if __name__ == "__main__":
    main()
