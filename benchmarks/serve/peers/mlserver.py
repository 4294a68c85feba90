"""MLServer with its scikit-learn runtime, which decodes the protocol's tensors with pandas."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import inference_protocol
from contender import HOST, Contender, free_ports
from environments import INSIDE, environment, folder, versions, with_sources
from subject import Row, Subject

_SINGLE = "its scikit-learn runtime; parallel_workers 0 (a pool is slower on one core), debug off"


def contenders(subject: Subject) -> list[Contender]:
    """The server without batching, and with adaptive batching."""
    python = environment("mlserver") / "python"
    subprocess.run(
        [str(python), str(INSIDE / "mlserver_model.py"), str(subject.pipeline), _pipeline()],
        check=True,
        env=with_sources(),
    )
    batching = {"max_batch_size": 16, "max_batch_time": 0.005}
    batched = _SINGLE + "; batches of up to 16 within 5 ms"
    return [
        _contender(subject, "mlserver", "MLServer", _SINGLE, {}),
        _contender(subject, "mlserver-batched", "MLServer, adaptive batching", batched, batching),
    ]


def _pipeline() -> str:
    return str(folder("mlserver") / "pipeline.joblib")


def _contender(
    subject: Subject, name: str, title: str, configuration: str, batching: dict[str, Any]
) -> Contender:
    commands = environment("mlserver")
    work = folder(f"{name}/models")
    model = {
        "name": subject.name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": _pipeline()},
    }
    (work / "model-settings.json").write_text(json.dumps(model | batching))

    def command(port: int) -> list[str]:
        grpc, metrics = free_ports(2)
        ports = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics}
        settings = {"host": HOST, "parallel_workers": 0, "debug": False}
        (work / "settings.json").write_text(json.dumps(settings | ports))
        return [str(commands / "mlserver"), "start", str(work)]

    return Contender(
        name,
        title,
        "peer",
        configuration,
        versions(commands / "python", "mlserver", "mlserver-sklearn", "scikit-learn", "numpy"),
        work,
        command,
        f"/v2/models/{subject.name}/infer",
        f"/v2/models/{subject.name}/ready",
        _encode,
        _decode,
    )


def _encode(row: Row) -> bytes:
    return inference_protocol.request(
        row, parameters={"content_type": "pd"}, outputs=[{"name": "predict_proba"}]
    )


def _decode(answer: bytes) -> float:
    return inference_protocol.output(answer, "predict_proba")[1]
