"""Packages and production for the tests of rollouts."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from ruamel.yaml import YAML

from sluice.errors import SluiceError
from sluice.package.parts import PARAMS
from sluice.serve.target import HOST
from support.package_parts import Package


def resealed(package: Path, folder: Path, **settings: dict[str, Any]) -> Path:
    """A package of another version with the same model. settings: sections of its params.yaml."""
    made, yaml, written = Package.read(package), YAML(), io.BytesIO()
    params = yaml.load(made.contents[PARAMS])
    params.update(settings)
    yaml.dump(params, written)
    made.replace(PARAMS, written.getvalue())
    sealed = made.seal()
    target = folder / "sealed.tar"
    target.write_bytes(sealed)
    manifest = Package.read(target).manifest
    return target.rename(folder / f"{manifest.name}-{manifest.version}.tar")


# A rollout in seconds: the margin is wide, so that few requests suffice.
SETTINGS: dict[str, Any] = {
    "steps": [20, 50],
    "interval": 0.2,
    "promotion": "approval",
    "margin": 0.1,
    "deadline": 600,
}


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until the condition is true; an error of the proxy counts as false."""
    end = time.monotonic() + seconds
    while True:
        with suppress(SluiceError):
            if holds():
                return
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """A port on which a thread answers requests with this handler."""
    with ThreadingHTTPServer((HOST, 0), handler) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield listener.server_port
        finally:
            listener.shutdown()
