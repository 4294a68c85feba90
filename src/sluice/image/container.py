"""Run a server in a container of a package's image for the duration of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sluice import signals
from sluice.errors import SluiceError
from sluice.image import engine, labels
from sluice.package.manifest import Manifest
from sluice.serve.target import HOST, Target, answers_ready, new_token, wait

_PORT = 8080  # where the server of an image listens
_LOG_LINES = 5  # lines of the server's output in an error message


@contextmanager
def running(image: str, manifest: Manifest, memory_mib: float | None) -> Iterator[Target]:
    """Run an image's server on a free port of this machine until the block ends.

    `memory_mib` limits the container's memory. The container can write to its volumes only, and is
    removed even after Ctrl-C. Raises SluiceError if the image was not built from the package of
    this manifest, or if the server does not become ready.
    """
    engine.require_engine()
    image_id = _available(image, manifest)
    name, token = f"sluice-staging-{uuid4().hex}", new_token()
    try:
        with signals.postponed():
            engine.start(
                image_id,
                name,
                publish=f"{HOST}::{_PORT}",
                memory_mib=memory_mib,
                environment={"SLUICE_TOKEN": token},
            )
        yield _ready(name, image_id, token)
    finally:
        with signals.postponed():
            engine.remove(name)


def _available(image: str, manifest: Manifest) -> str:
    """The id of the image, which is pulled if necessary: a name could be moved to another image."""
    if "@sha256:" in image and not engine.find(image):
        reason = engine.pull(image)
        if reason:
            raise SluiceError(
                f"{image}: is not on this machine and could not be pulled: {reason}; check the "
                "name, that the registry is reachable, and that 'docker login' was run for it"
            )
    return labels.require_image_of(image, manifest).id


def _ready(name: str, image_id: str, token: str) -> Target:
    def ready() -> bool:
        port = engine.port(name, _PORT)
        return port is not None and answers_ready(port)

    wait(ready, lambda: engine.state(name).running, lambda: _output(name))
    port = engine.port(name, _PORT)
    if port is None:
        raise SluiceError(
            f"the server's container ended right after it was ready; it printed: {_output(name)}"
        )
    return Target(port, token, image_id, lambda: engine.memory(name))


def _output(name: str) -> str:
    """The last lines that the server printed, and whether it ran out of memory."""
    output = engine.logs(name, _LOG_LINES)
    if engine.state(name).oom_killed:
        output += (
            "\nthe engine ended it because it needed more memory than its limit, which is "
            "load.bounds.memory_mib in params.yaml\n"
        )
    return output
