"""Where GitHub keeps artifacts: another server, which must never see the token."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_BLOCK = bytes(1 << 16)
_ENDLESS = 500_000_000


class Storage:
    def __init__(self) -> None:
        self.content = b""
        self.status = 200
        self.endless = False
        self.sent = 0
        self.seen: list[dict[str, str]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        # Another name for the same machine: for a client it is another host.
        self.url = f"http://localhost:{self.server.server_port}/blob.zip?sig=s3cret"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        storage = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                storage.seen.append(dict(self.headers))
                self.send_response(storage.status)
                if storage.status == 302:
                    self.send_header("Location", storage.url)
                if storage.endless:
                    self._pour()
                    return
                self.send_header("Content-Length", str(len(storage.content)))
                self.end_headers()
                self.wfile.write(storage.content)

            def _pour(self) -> None:
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                try:
                    while storage.sent < _ENDLESS:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK))
                        storage.sent += len(_BLOCK)
                except OSError:
                    pass

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
