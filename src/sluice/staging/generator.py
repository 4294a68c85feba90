"""The load generator: `python -m sluice.staging.generator`, a process of its own.

Its plan comes on standard input, what it took goes to standard output, both as msgpack. Each
connection asks again as soon as it is answered, and every answer is held against the scores
that it must hold. httptools, which parses for the server, parses here: the standard library's
client takes longer over an answer than the server does.
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

from sluice.staging.remote import Answer
from sluice.staging.target import HOST

_SECONDS = 10.0  # an answer that takes longer counts as none
_PAUSE = 0.05  # after a failure, so that a dead server is not asked a million times

TIMEOUT, LOST = "no answer in time", "the connection failed"
UNREADABLE, WRONG = "an answer without scores", "a wrong score"


class Ask(msgspec.Struct, frozen=True):
    """A request's body, and the scores of each of its rows."""

    body: bytes
    scores: list[list[float]]


class Plan(msgspec.Struct, frozen=True):
    """A score may be off by `tolerance` of `scale`, or of itself where that is larger.

    warm_up: requests before those that count.
    """

    port: int
    token: str
    connections: int
    seconds: float
    warm_up: int
    asks: list[Ask]
    classes: tuple[str, ...]
    scale: float
    tolerance: float


class Taken(msgspec.Struct, frozen=True):
    """The seconds that it lasted, and those of each right answer; how often each failure came."""

    seconds: float
    right: list[float]
    failures: dict[str, int]


class _LostError(Exception):
    pass


class _Wire(asyncio.Protocol):
    """One connection, one question at a time."""

    _transport: asyncio.Transport
    _answer: asyncio.Future[tuple[int, bytes]]

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self.lost = False

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        self._parts = []
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self.lost = True
        self._transport.close()

    # What asyncio tells

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
            self._answer.set_exception(_LostError())

    # What the parser tells

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        with contextlib.suppress(AttributeError, asyncio.InvalidStateError):
            self._answer.set_result((self._parser.get_status_code(), b"".join(self._parts)))


class Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._answer = msgspec.json.Decoder(Answer)
        self._turns = itertools.cycle([(_request(plan, ask), ask.scores) for ask in plan.asks])
        self._right: list[float] = []
        self._failures: Counter[str] = Counter()

    async def run(self) -> Taken:
        wires: list[_Wire | None] = [None] * self._plan.connections
        wires = await self._all(wires, iter(range(self._plan.warm_up)))
        self._right, self._failures = [], Counter()
        began = time.perf_counter()
        await self._all(wires, itertools.count())
        return Taken(time.perf_counter() - began, self._right, dict(self._failures))

    async def _all(self, wires: list[_Wire | None], turns: Iterator[int]) -> list[_Wire | None]:
        end = time.perf_counter() + self._plan.seconds
        return list(await asyncio.gather(*(self._ask_on(wire, turns, end) for wire in wires)))

    async def _ask_on(self, wire: _Wire | None, turns: Iterator[int], end: float) -> _Wire | None:
        """Ask until the turns or the time are over; returns the connection."""
        while time.perf_counter() < end and next(turns, None) is not None:
            request, scores = next(self._turns)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(_SECONDS):
                    if wire is None or wire.lost:
                        wire = await self._connect()
                    status, content = await wire.ask(request)
            except (OSError, _LostError) as error:
                self._failures[TIMEOUT if isinstance(error, TimeoutError) else LOST] += 1
                if wire is not None:
                    wire.close()
                await asyncio.sleep(_PAUSE)
                continue
            taken = time.perf_counter() - began
            if problem := self._problem(status, content, scores):
                self._failures[problem] += 1
            else:
                self._right.append(taken)
        return wire

    async def _connect(self) -> _Wire:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(_Wire, HOST, self._plan.port)
        return wire

    def _problem(self, status: int, content: bytes, scores: list[list[float]]) -> str:
        """What is wrong with an answer; nothing if it is right."""
        if status != 200:
            return f"status {status}"
        try:
            results = self._answer.decode(content).results
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return UNREADABLE
        if len(results) != len(scores):
            return UNREADABLE
        for result, expected in zip(results, scores, strict=True):
            got = result.values(self._plan.classes)
            if got is None or len(got) != len(expected):
                return UNREADABLE
            if not all(map(self._alike, expected, got)):
                return WRONG
        return ""

    def _alike(self, expected: float, got: float) -> bool:
        allowed = self._plan.tolerance * max(self._plan.scale, abs(expected))
        return abs(expected - got) <= allowed


def _request(plan: Plan, ask: Ask) -> bytes:
    head = (
        f"POST /score HTTP/1.1\r\nHost: {HOST}:{plan.port}\r\n"
        f"Authorization: Bearer {plan.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(ask.body)}\r\n\r\n"
    )
    return head.encode() + ask.body


def main() -> None:
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.freeze()
    gc.disable()  # its pauses would be taken for the server's
    taken = asyncio.run(Generator(plan).run())
    sys.stdout.buffer.write(msgspec.msgpack.encode(taken))


if __name__ == "__main__":
    main()
