"""The ASGI application: routes each request to its handler, with one format for all errors."""

from __future__ import annotations

import hmac
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from sluice.model import InputError
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http.direct import DirectInference, inferred
from sluice.serve.http.docs import PAGE, POLICY
from sluice.serve.http.forwarded import CLOSED, abandonment
from sluice.serve.http.inference import BINARY_HEADER, Inference
from sluice.serve.http.records import Records
from sluice.serve.http.request_id import HEADER as ID_HEADER
from sluice.serve.http.request_id import RequestIds
from sluice.serve.http.response import Response
from sluice.serve.metrics import Metrics, MetricsPage
from sluice.serve.queue import ScoringQueue, never

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

_SHOWN = 100  # characters of an address in a message
_encode = msgspec.json.Encoder().encode


class RequestHead(msgspec.Struct, frozen=True):
    """A request whose body has not been read yet.

    receive: ASGI's function for the body. started: seconds of `time.monotonic`. id: the id from the
    header X-Request-ID, or one that the server made. abandoned: returns whether the client no
    longer waits.
    """

    headers: Headers
    receive: Receive
    started: float
    id: str
    abandoned: Callable[[], bool]


Handler = Callable[[RequestHead], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """The handler of a path and method.

    name: the label under which the metrics count it. open: no token is needed.
    """

    name: str
    handler: Handler
    open: bool = False


class _ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(frozen=True)
class ServedModel:
    """The model with its request readers, its queue and its API documents."""

    name: str
    version: str
    inference: Inference
    records: Records
    queue: ScoringQueue
    metadata: dict[str, Any]
    openapi: bytes


class App:
    """The server's API for one model.

    unready: returns why the server is not ready, or an empty text. token: the bearer token that
    clients must send; None accepts all. max_body: bytes. instance: makes the request ids of this
    worker unique. origins: trusted origins of web pages besides the server's own.

    direct: answers the usual inference requests, which then do not reach the application.
    """

    def __init__(
        self,
        model: ServedModel,
        metrics: Metrics,
        page: MetricsPage,
        *,
        unready: Callable[[], str],
        token: str | None,
        max_body: int,
        instance: str,
        origins: Iterable[str] = (),
    ) -> None:
        self._model, self._metrics, self._page = model, metrics, page
        self._unready, self._max_body = unready, max_body
        self._origins = frozenset(origin.encode() for origin in origins)
        self._token = None if token is None else token.encode()
        self._ids = RequestIds(instance)
        self._routes = self._table()
        self.direct = DirectInference(
            model.inference,
            model.queue,
            metrics=metrics,
            ids=self._ids,
            admit=lambda headers: self._admit(headers, open=False),
            refused=self._refused,
            paths=[f"{at}/infer" for at in _places(model)],
            max_body=max_body,
        )
        self._open = {
            path for path, by in self._routes.items() if any(route.open for route in by.values())
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        headers = dict(scope["headers"])
        abandoned = abandonment(headers, scope.get("state", {}).get(CLOSED, never))
        head = RequestHead(headers, receive, time.monotonic(), self._ids.of(headers), abandoned)
        name = "other"
        try:
            by_method = self._routes.get(scope["path"], {})
            self._admit(headers, scope["path"] in self._open)
            route = self._route(by_method, scope["path"], scope["method"])
            name = route.name
            response = await route.handler(head)
        except _ClientGoneError:
            return  # the connection has already counted the error
        except Exception as error:
            response = self._refused(error, headers)
        self._metrics.answered(name, time.monotonic() - head.started)
        self._metrics.count()
        await _send(send, response, head.id)

    def _table(self) -> dict[str, dict[str, Route]]:
        model = self._model
        table = {
            "/": {"GET": Route("docs", self._home, open=True)},
            "/docs": {"GET": Route("docs", self._docs, open=True)},
            "/openapi.json": {"GET": Route("docs", self._openapi)},
            "/metrics": {"GET": Route("metrics", self._metrics_page)},
            "/score": {"POST": Route("score", self._score)},
            "/v2": {"GET": Route("about", self._server)},
            "/v2/health/live": {"GET": Route("health", self._live, open=True)},
            "/v2/health/ready": {"GET": Route("health", self._ready, open=True)},
        }
        for at in _places(model):
            table[at] = {"GET": Route("about", self._metadata)}
            table[f"{at}/ready"] = {"GET": Route("health", self._model_ready, open=True)}
            table[f"{at}/infer"] = {"POST": Route("infer", self._infer)}
        return table

    def _route(self, by_method: dict[str, Route], path: str, method: str) -> Route:
        if not by_method:
            if path.startswith("/v2/models/"):
                served = f"{self._model.name}, version {self._model.version}"
                message = f"no such model or version; this server has only {served}"
                raise RequestRefusedError(404, "not_found", message)
            raise RequestRefusedError(404, "not_found", "no such path; /docs lists all paths")
        route = by_method.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = ", ".join(by_method).replace("GET", "GET, HEAD")
            raise RequestRefusedError(
                405, "bad_method", f"this path accepts only {allowed}", allow=allowed
            )
        return route

    def _admit(self, headers: Headers, open: bool) -> None:
        if self._token is not None and not open:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if not (hmac.compare_digest(given, self._token) and scheme.lower() == b"bearer"):
                raise RequestRefusedError(
                    401,
                    "unauthorized",
                    "a bearer token is needed",
                    **{"www-authenticate": "Bearer"},
                )
        origin = headers.get(b"origin")
        if origin is None or origin in self._origins:
            return
        host = headers.get(b"host", b"")
        if origin.rpartition(b"//")[2] != host:
            # A page of another site must not be able to send requests from its visitor's browser.
            page, own = (text[:_SHOWN].decode("latin-1") for text in (origin, host))
            message = (
                f"requests from pages of other sites are refused: the page is from {page!r}, this "
                f"server is {own!r}; behind a proxy, start it with --origin"
            )
            raise RequestRefusedError(403, "cross_origin", message)

    def _refused(self, error: Exception, headers: Headers) -> Response:
        if isinstance(error, InputError):
            error = RequestRefusedError(400, "bad_input", str(error))
        if not isinstance(error, RequestRefusedError):
            trace = "".join(traceback.format_exception(error))
            sys.stderr.write(f"sluice: unexpected error while answering a request:\n{trace}")
            error = RequestRefusedError(
                500, "internal", "internal error; the server's standard error has the details"
            )
        self._metrics.error(error.kind)
        more = tuple((k.encode(), v.encode()) for k, v in error.headers.items())
        if b"expect" in headers:
            # The client may now leave out the body, so no request can follow on this connection.
            more += ((b"connection", b"close"),)
        return Response(_encode({"error": error.message}), error.status, headers=more)

    # The handlers of the paths

    async def _infer(self, head: RequestHead) -> Response:
        body = await self._body(head)
        inference = self._model.inference
        header = head.headers.get(BINARY_HEADER)
        scoring, request = inference.read(body, header, head.id, head.started)
        scores = await self._model.queue.submit(scoring, head.abandoned)
        return inferred(*inference.write(scoring, request, scores))

    async def _score(self, head: RequestHead) -> Response:
        body = await self._body(head)
        scoring = self._model.records.read(body, head.id, head.started)
        scores = await self._model.queue.submit(scoring, head.abandoned)
        return Response(self._model.records.write(scoring, scores))

    async def _body(self, head: RequestHead) -> bytes:
        """Return the body. Raises RequestRefusedError as soon as it is known to be too large."""
        most = self._max_body
        if int(head.headers.get(b"content-length", b"0")) > most:
            raise _too_large(most)
        encoding = head.headers.get(b"content-encoding", b"identity")
        if encoding.lower() != b"identity":
            message = "compressed bodies are not supported; send it without Content-Encoding"
            raise RequestRefusedError(
                415, "bad_request", message, **{"accept-encoding": "identity"}
            )
        parts: list[bytes] = []
        size = 0
        while True:
            event = await head.receive()
            if event["type"] != "http.request":
                raise _ClientGoneError
            parts.append(event["body"])
            size += len(event["body"])
            if size > most:
                raise _too_large(most)
            if not event["more_body"]:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _server(self, head: RequestHead) -> Response:
        from sluice import __version__

        return _json(
            {
                "name": "sluice",
                "version": __version__,
                "extensions": ["binary_tensor_data", "missing_values"],
            }
        )

    async def _metadata(self, head: RequestHead) -> Response:
        return _json(self._model.metadata)

    async def _live(self, head: RequestHead) -> Response:
        return _json({"live": True})

    async def _ready(self, head: RequestHead) -> Response:
        # The protocol's text names this field live, but its schema names it ready.
        return self._readiness({"live": True, "ready": True})

    async def _model_ready(self, head: RequestHead) -> Response:
        return self._readiness({"name": self._model.name, "ready": True})

    def _readiness(self, content: dict[str, Any]) -> Response:
        if reason := self._unready():
            raise RequestRefusedError(503, "not_ready", f"not ready: {reason}")
        return _json(content)

    async def _metrics_page(self, head: RequestHead) -> Response:
        return Response(self._page.render(), type=b"text/plain; version=0.0.4; charset=utf-8")

    async def _home(self, head: RequestHead) -> Response:
        return Response(b"", 307, b"text/plain", ((b"location", b"/docs"),))

    async def _docs(self, head: RequestHead) -> Response:
        headers = ((b"content-security-policy", POLICY),)
        return Response(PAGE, type=b"text/html; charset=utf-8", headers=headers)

    async def _openapi(self, head: RequestHead) -> Response:
        return Response(self._model.openapi)


def _places(model: ServedModel) -> tuple[str, str]:
    """The paths of the model, without and with its version."""
    return f"/v2/models/{model.name}", f"/v2/models/{model.name}/versions/{model.version}"


def _too_large(most: int) -> RequestRefusedError:
    return RequestRefusedError(413, "too_large", f"the body is larger than {most:,} bytes")


def _json(content: object) -> Response:
    return Response(_encode(content))


async def _send(send: Send, response: Response, id: str) -> None:
    headers = [
        (b"content-type", response.type),
        (b"content-length", b"%d" % len(response.body)),
        (ID_HEADER, id.encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
