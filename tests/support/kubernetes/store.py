"""Objects as the API server of a cluster keeps them: versions, generations, patches, events."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.kubernetes.manifests import Object

Kind = tuple[str, str, str]  # group, version and plural name of a resource


class RefusedError(Exception):
    """The API server answers with this status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason


@dataclass
class Store:
    """The objects of a cluster; one lock protects all of them. version: the number of changes so
    far.
    """

    objects: dict[Kind, dict[str, Object]] = field(default_factory=dict)
    version: int = 1
    patches: int = 0
    _watching: list[tuple[Kind, queue.SimpleQueue[Object]]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, kind: Kind, found: Object) -> Object:
        """Create an object, or replace it; its generation grows if its spec has changed."""
        with self._lock:
            found = copy.deepcopy(found)
            key = _key(found)
            before = self.objects.setdefault(kind, {}).get(key)
            self.version += 1
            meta = found["metadata"]
            meta["resourceVersion"] = str(self.version)
            meta.setdefault("uid", f"uid-{kind[2]}-{key}")
            meta.setdefault("creationTimestamp", "2026-01-02T03:04:05Z")
            generation = before["metadata"]["generation"] if before else 0
            changed = before is None or before.get("spec") != found.get("spec")
            meta["generation"] = generation + changed
            self.objects[kind][key] = found
            self._tell(kind, "MODIFIED" if before else "ADDED", found)
            return copy.deepcopy(found)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        with self._lock:
            try:
                return copy.deepcopy(self.objects.get(kind, {})[f"{namespace}/{name}"])
            except KeyError:
                raise RefusedError(404, "NotFound", f'{kind[2]} "{name}" not found') from None

    def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        with self._lock:
            found = self.get(kind, namespace, name)
            del self.objects[kind][_key(found)]
            self.version += 1
            self._tell(kind, "DELETED", found)
            return found

    def all(self, kind: Kind, namespace: str = "", selector: str = "") -> tuple[list[Object], int]:
        """The objects of a kind in a namespace, or in all, and the version of the list."""
        wanted = dict(part.split("=", 1) for part in selector.split(",") if part)
        with self._lock:
            found = [
                copy.deepcopy(each)
                for each in self.objects.get(kind, {}).values()
                if namespace in ("", each["metadata"].get("namespace"))
                and wanted.items() <= each["metadata"].get("labels", {}).items()
            ]
            return found, self.version

    def patch(self, kind: Kind, namespace: str, name: str, change: Any, part: str = "") -> Object:
        """Carry out a JSON patch (a list) or a merge patch (an object).

        part: `status` for that subresource; otherwise the status stays as it is.
        """
        with self._lock:
            self.patches += 1
            before = self.get(kind, namespace, name)
            after = (
                json_patch(before, change)
                if isinstance(change, list)
                else merge_patch(before, change)
            )
            expected = after["metadata"].get("resourceVersion")
            if expected != before["metadata"]["resourceVersion"]:
                raise RefusedError(409, "Conflict", "the object has been modified")
            kept = {**before, "status": after.get("status")} if part == "status" else after
            if part != "status" and "status" in before:
                kept["status"] = before["status"]
            return self.put(kind, kept)

    @contextmanager
    def watch(self, kind: Kind) -> Iterator[tuple[list[Object], int, queue.SimpleQueue[Object]]]:
        """The present objects, the version, and a queue of the events after it."""
        events: queue.SimpleQueue[Object] = queue.SimpleQueue()
        with self._lock:
            found, version = self.all(kind)
            self._watching.append((kind, events))
        try:
            yield found, version, events
        finally:
            with self._lock:
                self._watching.remove((kind, events))

    def _tell(self, kind: Kind, event: str, found: Object) -> None:
        for watched, events in self._watching:
            if watched == kind:
                events.put({"type": event, "object": copy.deepcopy(found)})


def json_patch(document: Object, operations: list[Object]) -> Object:
    """Apply a JSON patch (RFC 6902, as far as it is needed); RefusedError if a `test` in it
    fails.
    """
    changed = copy.deepcopy(document)
    for each in operations:
        *way, last = [_unescaped(part) for part in each["path"].split("/")[1:]]
        place: Any = changed
        try:
            for part in way:
                place = place[int(part)] if isinstance(place, list) else place[part]
            key: Any = int(last) if isinstance(place, list) and last != "-" else last
            if each["op"] == "test":
                if place[key] != each["value"]:
                    raise RefusedError(422, "Invalid", f"testing path {each['path']} failed")
            elif each["op"] == "remove":
                del place[key]
            elif each["op"] == "add" and isinstance(place, list):
                place.insert(len(place) if key == "-" else key, each["value"])
            elif each["op"] in ("add", "replace"):
                place[key] = each["value"]
            else:
                raise RefusedError(400, "BadRequest", f"unknown operation {each['op']}")
        except (KeyError, IndexError, TypeError):
            raise RefusedError(422, "Invalid", f"there is no {each['path']}") from None
    return changed


def merge_patch(document: Any, change: Any) -> Any:
    """RFC 7396."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _key(found: Object) -> str:
    return f"{found['metadata'].get('namespace', '')}/{found['metadata']['name']}"


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
