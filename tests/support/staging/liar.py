"""A small server that responds as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from sluice.serve.target import Target
from sluice.staging.load import ScoredRequests

TOKEN = "a-token-of-this-test"  # noqa: S105

# From the number of the request and the correct scores of its rows to status and body; None
# closes the connection.
Behaviour = Callable[[int, list[list[float]]], tuple[int, bytes] | None]


def right(_: int, scores: list[list[float]]) -> tuple[int, bytes]:
    return 200, json.dumps({"results": [{"score": score} for (score,) in scores]}).encode()


@contextmanager
def lying(
    behave: Behaviour, scored: ScoredRequests, memory: int | None = 50 * 2**20
) -> Iterator[Target]:
    scores = {request.body: request.scores for request in scored.requests}
    numbers = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one write per response: two would be delayed by the network stack

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["authorization"] == f"Bearer {TOKEN}"
            response = behave(next(numbers), scores[body])
            if response is None:
                self.close_connection = True
                return
            status, content = response
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Target(server.server_port, TOKEN, "process", lambda: memory)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
