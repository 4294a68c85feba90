"""Packages and production for the tests of rollouts."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from ruamel.yaml import YAML

from sluice.errors import SluiceError
from sluice.package.archive import archive, opened, version
from sluice.package.manifest import describe, digest
from sluice.package.parts import PARAMS


def resealed(package: Path, folder: Path, **settings: dict[str, Any]) -> Path:
    """A package of another version with the same model. settings: sections of its params.yaml."""
    with opened(package) as original:
        contents, manifest = original.contents(), original.manifest
    yaml = YAML()
    params = yaml.load(contents[PARAMS])
    params.update(settings)
    written = io.BytesIO()
    yaml.dump(params, written)
    contents[PARAMS] = written.getvalue()
    parts = describe(contents)
    content = digest(parts)
    made = version(manifest.source, content)
    whole = archive(contents, replace(manifest, parts=parts, digest=content, version=made))
    target = folder / f"{manifest.name}-{made}.tar"
    target.write_bytes(whole)
    return target


# A rollout in seconds: the margin is wide, so that few requests suffice.
SETTINGS: dict[str, Any] = {
    "steps": [20, 50],
    "interval": 0.2,
    "promotion": "approval",
    "margin": 0.1,
    "deadline": 600,
}


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it; an error of the proxy counts as no."""
    end = time.monotonic() + seconds
    while True:
        with suppress(SluiceError):
            if holds():
                return
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
