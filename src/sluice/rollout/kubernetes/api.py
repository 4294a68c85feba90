"""The API server of a Kubernetes cluster over HTTP: get objects, and change them by JSON patch."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from sluice.errors import SluiceError

# The files that the cluster puts into the pods of a service account.
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10.0
_MOST_BYTES = 16 * 2**20
# 409: the object has changed in the meantime. 422: a `test` of the patch failed.
_CONFLICTS = (409, 422)

T = TypeVar("T")


class ConflictError(SluiceError):
    """The object is not in the state that the patch requires."""


class Operation(msgspec.Struct, frozen=True):
    """One operation of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: str | int


class _Status(msgspec.Struct):
    message: str = ""


@dataclass(frozen=True)
class Api:
    """The address of the API server, and the credentials of this process.

    token, authority: the files of the bearer token and of the certificate authority. The token is
    read again for each request, because the cluster replaces it.
    """

    url: str
    token: Path | None = None
    authority: Path | None = None

    def get(self, path: str, kind: type[T]) -> T:
        """Read an object or a list. Raises SluiceError."""
        return self._decode("GET", path, self._ask("GET", path), kind)

    def patch(self, path: str, operations: Sequence[Operation]) -> None:
        """Change an object. Raises ConflictError if it has changed, or SluiceError."""
        self._ask("PATCH", path, msgspec.json.encode(operations))

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json-patch+json"
        try:
            if self.token is not None:
                headers["Authorization"] = f"Bearer {self.token.read_text('ascii').strip()}"
            connection = self._connection()
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                content = response.read(_MOST_BYTES + 1)
            finally:
                connection.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise SluiceError(f"the API server at {self.url} does not answer: {reason}") from None
        if len(content) > _MOST_BYTES:
            raise SluiceError(
                f"the API server at {self.url} never finishes its answer to {method} {path}"
            )
        if response.status != 200:
            problem = f"{method} {path} got status {response.status}: {_message(content)}"
            conflict = method == "PATCH" and response.status in _CONFLICTS
            raise (ConflictError if conflict else SluiceError)(problem)
        return content

    def _connection(self) -> http.client.HTTPConnection:
        at = urlsplit(self.url)
        if at.scheme == "https":
            trusted = ssl.create_default_context(cafile=self.authority)
            return http.client.HTTPSConnection(
                at.hostname or "", at.port, timeout=_SECONDS, context=trusted
            )
        return http.client.HTTPConnection(at.hostname or "", at.port, timeout=_SECONDS)

    def _decode(self, method: str, path: str, content: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            problem = f"{method} {path} got an answer that is not as documented: {error}"
            raise SluiceError(problem) from None


def in_cluster() -> tuple[Api, str]:
    """The API server of the cluster in which this process runs, and its namespace."""
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
    try:
        namespace = (_ACCOUNT / "namespace").read_text("utf-8").strip()
    except OSError:
        namespace = ""
    if not (host and port and namespace):
        raise SluiceError(
            "this is not a pod with a service account: run the command in a cluster, or name an "
            "API "
            "server with --api and a namespace with --namespace"
        )
    shown = f"[{host}]" if ":" in host else host
    return Api(f"https://{shown}:{port}", _ACCOUNT / "token", _ACCOUNT / "ca.crt"), namespace


def _message(content: bytes) -> str:
    """What the API server says about an error."""
    try:
        said = msgspec.json.decode(content, type=_Status).message
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = ""
    return said or "it gives no reason"
