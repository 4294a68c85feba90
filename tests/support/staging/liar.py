"""A server of the standard library that answers as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from sluice.staging.load import Known
from sluice.serve.target import Target

TOKEN = "a-token-of-this-test"  # noqa: S105

# The number of the request, and the right scores of its rows: status and body, None hangs up.
Behaviour = Callable[[int, list[list[float]]], tuple[int, bytes] | None]


def right(_: int, scores: list[list[float]]) -> tuple[int, bytes]:
    return 200, json.dumps({"results": [{"score": score} for (score,) in scores]}).encode()


@contextmanager
def lying(behave: Behaviour, known: Known, memory: int | None = 50 * 2**20) -> Iterator[Target]:
    answers = {ask.body: ask.scores for ask in known.asks}
    numbers = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece: two wait for one another on the wire

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["authorization"] == f"Bearer {TOKEN}"
            answer = behave(next(numbers), answers[body])
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
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
