"""Answers an inference request as soon as its body has arrived, without an asyncio task.

uvicorn starts a task for each request, which waits for the body, for the scores and for the client.
Such a task takes more time than reading, scoring and logging a row. The usual request does not need
it, because body and response are short. All other requests, and those that arrive while the client
does not read or still waits for an earlier response, go through uvicorn and the ASGI application.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from sluice.model import Scores
from sluice.serve.http.forwarded import abandonment
from sluice.serve.http.inference import BINARY_HEADER, Inference, InferenceRequest
from sluice.serve.http.request_id import RequestIds
from sluice.serve.http.response import Response
from sluice.serve.metrics import Metrics
from sluice.serve.queue import ScoringQueue
from sluice.serve.request import ScoringRequest

Headers = dict[bytes, bytes]

_MOST_BYTES = 2**16  # largest body; uvicorn stops reading from the client at larger ones
_UNUSUAL = (b"expect", b"content-encoding", b"transfer-encoding", b"upgrade")
_OK = STATUS_LINE[200] + b"content-type: application/json\r\n"


class DirectCycle:
    """Replaces uvicorn's request cycle, with the attributes that a connection uses.

    send: sends the bytes of the complete response. closed: returns whether the client has closed
    its side of the connection.
    """

    def __init__(
        self,
        headers: Headers,
        *,
        keep_alive: bool,
        send: Callable[[bytes], None],
        closed: Callable[[], bool],
    ) -> None:
        self.headers, self.keep_alive, self.send = headers, keep_alive, send
        self.closed = closed
        self.started = time.monotonic()
        self.body = bytearray()
        self.more_body = True
        self.response_started = self.response_complete = self.disconnected = False
        self.message_event = self

    def set(self) -> None:
        """Do nothing, because nobody waits for the event."""


class DirectInference:
    """Answers the inference requests of one model.

    admit: raises RequestRefusedError for a request whose headers are not allowed. refused: counts
    an error and returns its response. paths: the paths of these requests. max_body: bytes.
    """

    def __init__(
        self,
        inference: Inference,
        queue: ScoringQueue,
        *,
        metrics: Metrics,
        ids: RequestIds,
        admit: Callable[[Headers], None],
        refused: Callable[[Exception, Headers], Response],
        paths: Iterable[str],
        max_body: int,
    ) -> None:
        self.inference, self.metrics, self.refused = inference, metrics, refused
        self._queue, self._ids, self._admit = queue, ids, admit
        self._paths = frozenset(path.encode() for path in paths)
        self._most = min(max_body, _MOST_BYTES)

    def takes(self, method: bytes, url: bytes, headers: Headers) -> bool:
        """Whether this class can answer a request with these headers."""
        if url not in self._paths or method != b"POST":
            return False
        length = headers.get(b"content-length")
        if length is None or int(length) > self._most:
            return False
        return not any(name in headers for name in _UNUSUAL)

    def answer(self, cycle: DirectCycle) -> None:
        """Score the complete request. The response is sent immediately or by the queue."""
        headers = cycle.headers
        waiting = _Waiting(self, cycle, self._ids.of(headers))
        try:
            self._admit(headers)
            waiting.scoring, waiting.request = self.inference.read(
                bytes(cycle.body), headers.get(BINARY_HEADER), waiting.id, cycle.started
            )
            self._queue.put(waiting.scoring, waiting, abandonment(headers, cycle.closed))
        except Exception as error:
            waiting.set_exception(error)
            self.metrics.count()


class _Waiting:
    """A request in the queue, which completes it like a future. Neither of its methods raises an
    error.
    """

    __slots__ = ("_cycle", "_direct", "id", "request", "scoring")

    scoring: ScoringRequest
    request: InferenceRequest | None

    def __init__(self, direct: DirectInference, cycle: DirectCycle, id: str) -> None:
        self._direct, self._cycle, self.id = direct, cycle, id

    def set_result(self, scores: Scores) -> None:
        try:
            content, length = self._direct.inference.write(self.scoring, self.request, scores)
        except Exception as error:
            self.set_exception(error)
            return
        self._finish(inferred(content, length))

    def set_exception(self, error: Exception) -> None:
        self._finish(self._direct.refused(error, self._cycle.headers))

    def _finish(self, response: Response) -> None:
        cycle = self._cycle
        self._direct.metrics.answered("infer", time.monotonic() - cycle.started)
        if not cycle.disconnected:
            cycle.send(message(response, self.id, keep_alive=cycle.keep_alive))


def inferred(content: bytes, length: int | None) -> Response:
    """The response with scores. length: the length of its JSON, if binary tensors follow it."""
    if length is None:
        return Response(content)
    headers = ((BINARY_HEADER, str(length).encode()),)
    return Response(content, type=b"application/octet-stream", headers=headers)


def message(response: Response, id: str, *, keep_alive: bool) -> bytes:
    """The response as HTTP/1.1. id: the id of the request."""
    if response.status == 200 and keep_alive and not response.headers:
        head = _OK
    else:
        lines = [(b"content-type", response.type), *response.headers]
        if not keep_alive:
            lines.append((b"connection", b"close"))
        head = STATUS_LINE[response.status] + b"".join(b"%b: %b\r\n" % line for line in lines)
    return b"%bcontent-length: %d\r\nx-request-id: %b\r\n\r\n%b" % (
        head,
        len(response.body),
        id.encode(),
        response.body,
    )
