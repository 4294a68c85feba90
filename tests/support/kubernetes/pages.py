"""Servers of this machine that show nothing but a page of metrics."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "a-token-of-no-value-0123456789"  # noqa: S105

_PAGE = """\
sluice_requests_total{{route="score",version="{version}"}} {score}
sluice_requests_total{{route="infer",version="{version}"}} {infer}
sluice_requests_total{{route="health",version="{version}"}} 99
sluice_errors_total{{kind="internal",version="{version}"}} {internal}
sluice_errors_total{{kind="log",version="{version}"}} 1
sluice_errors_total{{kind="too_many_connections",version="{version}"}} 2
sluice_errors_total{{kind="bad_input",version="{version}"}} 50
sluice_errors_total{{kind="not_ready",version="{version}"}} 50
sluice_request_duration_seconds_bucket{{le="0.1",route="score"}} {fast}
sluice_request_duration_seconds_bucket{{le="0.25",route="score"}} {score}
sluice_request_duration_seconds_bucket{{le="+Inf",route="score"}} {score}
sluice_request_duration_seconds_count{{route="score"}} {score}
sluice_unusual_requests_total{{version="{version}"}} {unusual}
"""


def page(
    score: int,
    *,
    infer: int = 0,
    internal: int = 0,
    fast: int = 0,
    unusual: int = 0,
    version: str = "v1",
) -> str:
    """A page of metrics; `fast` of the scored requests took less than a tenth of a second.

    One request could not be logged, and two were refused because of too many connections.
    """
    return _PAGE.format(
        score=score, infer=infer, internal=internal, fast=fast, unusual=unusual, version=version
    )


class Pages:
    """Servers that a test starts, each with a page of its own."""

    def __init__(self) -> None:
        self._servers: list[ThreadingHTTPServer] = []

    def start(self, shown: str | Callable[[], str]) -> tuple[int, Callable[[str], None]]:
        """The port of a new server, and a function that changes its page."""
        now = [shown]

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                known = self.headers["Authorization"] == f"Bearer {TOKEN}"
                text = now[0] if isinstance(now[0], str) else now[0]()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self._servers.append(server)
        return server.server_address[1], lambda new: now.__setitem__(0, new)

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
