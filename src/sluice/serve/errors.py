"""The error that ends a request, with the message for the client."""

from __future__ import annotations


class RequestRefusedError(Exception):
    """A request is refused with an HTTP status and one sentence for the client.

    kind: the label under which the metrics count it. headers: further headers of
    the response, by name.
    """

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, headers
