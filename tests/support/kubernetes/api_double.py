"""A small double of the API server of a cluster, with which Traefik and kubectl can work.

It lists, watches, changes and deletes objects. It neither checks nor runs anything: a test puts
objects into its store and acts as the cluster.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.kubernetes.manifests import Object
from support.kubernetes.store import Kind, RefusedError, Store

GATEWAY = "gateway.networking.k8s.io"
# Plural name and kind of each resource, and whether it is in a namespace.
RESOURCES: dict[tuple[str, str], dict[str, tuple[str, bool]]] = {
    ("", "v1"): {
        "namespaces": ("Namespace", False),
        "nodes": ("Node", False),
        "pods": ("Pod", True),
        "services": ("Service", True),
        "secrets": ("Secret", True),
        "configmaps": ("ConfigMap", True),
    },
    ("discovery.k8s.io", "v1"): {"endpointslices": ("EndpointSlice", True)},
    (GATEWAY, "v1"): {
        "gatewayclasses": ("GatewayClass", False),
        "gateways": ("Gateway", True),
        "httproutes": ("HTTPRoute", True),
        "grpcroutes": ("GRPCRoute", True),
        "tlsroutes": ("TLSRoute", True),
        "backendtlspolicies": ("BackendTLSPolicy", True),
        "referencegrants": ("ReferenceGrant", True),
    },
    (GATEWAY, "v1beta1"): {"referencegrants": ("ReferenceGrant", True)},
    (GATEWAY, "v1alpha2"): {"tcproutes": ("TCPRoute", True), "tlsroutes": ("TLSRoute", True)},
}
ROUTES: Kind = (GATEWAY, "v1", "httproutes")
PODS: Kind = ("", "v1", "pods")
_PATCHES = ("application/json-patch+json", "application/merge-patch+json")


@dataclass(frozen=True)
class Cluster:
    """A running double. refused: paths that are answered with status 403."""

    store: Store
    url: str
    refused: set[str]

    def add(self, *objects: Object) -> None:
        """Put objects into the store, whatever their kind."""
        for each in objects:
            group, _, version = each["apiVersion"].rpartition("/")
            table = RESOURCES[(group, version)]
            plural = next(name for name, (kind, _) in table.items() if kind == each["kind"])
            self.store.put((group, version, plural), each)


@dataclass(frozen=True)
class _Asked:
    kind: Kind
    namespace: str
    name: str
    part: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store
    refused: set[str]
    over: threading.Event

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(self._read)

    def do_POST(self) -> None:
        self._answer(self._write)

    do_PUT = do_PATCH = do_POST  # noqa: N815

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def _answer(self, act: Any) -> None:
        parts = urlsplit(self.path)
        try:
            if parts.path in self.refused:
                raise RefusedError(403, "Forbidden", f"{parts.path} is forbidden")
            content = act(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
        except RefusedError as error:
            self._send(error.code, _status(error))
            return
        if content is not None:
            self._send(200, content)

    def _send(self, code: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read(self, path: str, query: dict[str, str]) -> Any:
        found = _discovery(path)
        if found is not None:
            return found
        asked = _asked(path)
        if asked.name:
            return self._shown(asked, self.store.get(asked.kind, asked.namespace, asked.name))
        if query.get("watch") in ("true", "1"):
            self._watch(asked, query)
            return None
        selector = query.get("labelSelector", "")
        objects, version = self.store.all(asked.kind, asked.namespace, selector)
        kind = RESOURCES[asked.kind[:2]][asked.kind[2]][0]
        return {
            "kind": f"{kind}List",
            "apiVersion": _api_version(asked.kind),
            "metadata": {"resourceVersion": str(version)},
            "items": objects,
        }

    def _shown(self, asked: _Asked, found: Object) -> Object:
        """kubectl may ask for a table, but also accepts the object itself."""
        return {"apiVersion": _api_version(asked.kind), **found}

    def _watch(self, asked: _Asked, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with self.store.watch(asked.kind) as (present, version, events):
            try:
                if query.get("sendInitialEvents") == "true":
                    for each in present:
                        self._event({"type": "ADDED", "object": each})
                    self._event(_bookmark(asked.kind, version))
                else:
                    since = int(query.get("resourceVersion") or version)
                    for each in present:
                        if int(each["metadata"]["resourceVersion"]) > since:
                            self._event({"type": "MODIFIED", "object": each})
                while not self.over.is_set():
                    try:
                        self._event(events.get(timeout=0.2))
                    except queue.Empty:
                        continue
            except OSError:  # the client has left
                return

    def _event(self, event: Object) -> None:
        self.wfile.write(json.dumps(event).encode() + b"\n")
        self.wfile.flush()

    def _write(self, path: str, query: dict[str, str]) -> Any:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked, given = _asked(path), json.loads(body)
        if self.command == "POST":
            meta = given.setdefault("metadata", {})
            if asked.namespace:
                meta["namespace"] = asked.namespace
            return self.store.put(asked.kind, given)
        if self.command == "PUT":
            before = self.store.get(asked.kind, asked.namespace, asked.name)
            version = given["metadata"].get("resourceVersion")
            if version not in (None, "", before["metadata"]["resourceVersion"]):
                raise RefusedError(409, "Conflict", "the object has been modified")
            if asked.part == "status":
                given = {**before, "status": given.get("status")}
            elif "status" in before:
                given["status"] = before["status"]
            return self.store.put(asked.kind, given)
        if self.headers["Content-Type"] not in _PATCHES:
            raise RefusedError(415, "UnsupportedMediaType", "expected a JSON or a merge patch")
        return self.store.patch(asked.kind, asked.namespace, asked.name, given, asked.part)

    def _delete(self, path: str, query: dict[str, str]) -> Any:
        asked = _asked(path)
        return self.store.delete(asked.kind, asked.namespace, asked.name)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a double on a free port of the loopback address."""
    over, store, refused = threading.Event(), Store(), set[str]()
    handler = type("Handler", (_Handler,), {"store": store, "over": over, "refused": refused})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield Cluster(store, f"http://127.0.0.1:{server.server_address[1]}", refused)
        finally:
            over.set()
            server.shutdown()
            thread.join()


def _asked(path: str) -> _Asked:
    """The resource that a path of the API names."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    else:
        group, version, rest = parts[1], parts[2], parts[3:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, part, *_ = *rest, "", "", ""
    if plural not in RESOURCES.get((group, version), {}):
        raise RefusedError(404, "NotFound", f"there is no {path}")
    return _Asked((group, version, plural), namespace, name, part)


def _discovery(path: str) -> Any:
    """The answer to kubectl's discovery requests; None for other paths."""
    if path == "/version":
        return {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()}
    parts = path.strip("/").split("/")
    at = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else tuple(parts[1:])
    table = RESOURCES.get(at) if len(at) == 2 else None  # type: ignore[call-overload]
    if table is None:
        return None
    resources = [
        {
            "name": plural,
            "singularName": kind.lower(),
            "namespaced": namespaced,
            "kind": kind,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
        }
        for plural, (kind, namespaced) in table.items()
    ]
    version = "/".join(part for part in at if part)
    return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}


def _groups() -> list[Object]:
    names = dict.fromkeys(group for group, _ in RESOURCES if group)
    found = []
    for name in names:
        versions = [
            {"groupVersion": f"{name}/{version}", "version": version}
            for group, version in RESOURCES
            if group == name
        ]
        found.append({"name": name, "versions": versions, "preferredVersion": versions[0]})
    return found


def _bookmark(kind: Kind, version: int) -> Object:
    """Tells the client that all earlier objects were sent."""
    return {
        "type": "BOOKMARK",
        "object": {
            "kind": RESOURCES[kind[:2]][kind[2]][0],
            "apiVersion": _api_version(kind),
            "metadata": {
                "resourceVersion": str(version),
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        },
    }


def _api_version(kind: Kind) -> str:
    return "/".join(part for part in kind[:2] if part)


def _status(error: RefusedError) -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": error.reason,
        "message": str(error),
        "code": error.code,
    }
