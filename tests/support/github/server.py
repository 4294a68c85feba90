"""The fake GitHub as a server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from support.github.fake_github import FakeGitHub

_REDIRECTS = (301, 302, 307, 308)


def serve(github: FakeGitHub) -> tuple[ThreadingHTTPServer, str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def _reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            said = github.answer(self.command, self.path, self.headers, self.rfile.read(length))
            status, body = said if isinstance(said, tuple) else (200, said)
            link = github.link()
            content = (
                body
                if isinstance(body, bytes)
                else b""
                if body is None
                else json.dumps(body).encode()
            )
            tag = f'W/"{hashlib.sha256(content).hexdigest()}"'
            known = self.command == "GET" and status == 200
            if known and self.headers.get("If-None-Match") == tag:
                github.unchanged.append(self.path)
                status, content = 304, b""
            try:
                self.send_response(status)
                if known:
                    self.send_header("ETag", tag)
                if status in _REDIRECTS:
                    self.send_header("Location", body["url"])
                for name, value in github.headers.items():
                    self.send_header(name, value)
                if link:
                    self.send_header("Link", link)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _reply  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    return server, github.url
