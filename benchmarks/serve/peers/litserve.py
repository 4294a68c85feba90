"""A LitServe service, to which a row is a JSON object."""

from __future__ import annotations

import json

from contender import Contender
from environments import INSIDE, environment, folder, versions, with_sources
from subject import Row, Subject


def contenders(subject: Subject) -> list[Contender]:
    """The server without batching, and with batching."""
    single = "one API server, one worker, fast_queue, no access log"
    return [
        _contender(subject, "litserve", "LitServe", 1, single),
        _contender(
            subject,
            "litserve-batched",
            "LitServe, batching",
            16,
            single + ", max_batch_size 16, batch_timeout 5 ms",
        ),
    ]


def _contender(subject: Subject, name: str, title: str, size: int, configuration: str) -> Contender:
    python = environment("litserve") / "python"

    def command(port: int) -> list[str]:
        server = str(INSIDE / "litserve_server.py")
        return [str(python), server, str(subject.pipeline), str(port), str(size)]

    return Contender(
        name,
        title,
        "peer",
        configuration,
        versions(python, "litserve", "uvicorn", "scikit-learn", "numpy"),
        folder(name),
        command,
        "/predict",
        "/health",
        _encode,
        _decode,
        with_sources(),
    )


def _encode(row: Row) -> bytes:
    return json.dumps(row).encode()


def _decode(answer: bytes) -> float:
    return json.loads(answer)[1]
