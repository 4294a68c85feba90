"""A BentoML service, to which a row is a JSON object."""

from __future__ import annotations

import json

from contender import HOST, Contender
from environments import INSIDE, environment, folder, versions, with_sources
from subject import Row, Subject


def contenders(subject: Subject) -> list[Contender]:
    """The server without batching, and with adaptive batching."""
    return [
        _contender(subject, "bentoml", "BentoML", "Single", "one worker, no access log"),
        _contender(
            subject,
            "bentoml-batched",
            "BentoML, adaptive batching",
            "Batched",
            "one worker, no access log; batchable, batches of up to 32",
        ),
    ]


def _contender(
    subject: Subject, name: str, title: str, service: str, configuration: str
) -> Contender:
    commands = environment("bentoml")
    work = folder(name)

    def command(port: int) -> list[str]:
        return [
            str(commands / "bentoml"), "serve", f"bentoml_service:{service}",
            "--working-dir", str(INSIDE), "--host", HOST, "--port", str(port),
        ]  # fmt: skip

    return Contender(
        name,
        title,
        "peer",
        configuration,
        versions(commands / "python", "bentoml", "uvicorn", "scikit-learn", "numpy"),
        work,
        command,
        "/predict",
        "/readyz",
        _encode,
        _decode,
        with_sources(
            PIPELINE=str(subject.pipeline),
            BENTOML_HOME=str(work / "home"),
            BENTOML_DO_NOT_TRACK="True",
        ),
    )


def _encode(row: Row) -> bytes:
    return json.dumps({"rows": [row]}).encode()


def _decode(answer: bytes) -> float:
    return json.loads(answer)[0][1]
