"""What is answered when a request is refused."""

from __future__ import annotations


class RequestRefusedError(Exception):
    """An HTTP status and one sentence. `kind` is what the metrics count it as."""

    def __init__(self, status: int, kind: str, said: str, **headers: str) -> None:
        super().__init__(said)
        self.status, self.kind, self.said, self.headers = status, kind, said, headers
