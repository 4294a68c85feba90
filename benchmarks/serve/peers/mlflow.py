"""`mlflow models serve`, in the environment in which MLflow is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from contender import HOST, Contender
from environments import INSIDE, environment, folder, versions, with_sources
from subject import Row, Subject


def contenders(subject: Subject) -> list[Contender]:
    """The server with one worker."""
    commands = environment("mlflow")
    work = folder("mlflow") / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    subprocess.run(
        [str(commands / "python"), str(INSIDE / "mlflow_model.py"),
         str(subject.pipeline), str(work / "model")],
        check=True, env=with_sources(),
    )  # fmt: skip

    def command(port: int) -> list[str]:
        return [
            str(commands / "mlflow"), "models", "serve", "--model-uri", str(work / "model"),
            "--env-manager", "local", "--workers", "1", "--host", HOST, "--port", str(port),
        ]  # fmt: skip

    return [
        Contender(
            "mlflow",
            "mlflow models serve",
            "peer",
            "--env-manager local --workers 1; dataframe_split; it has no batching",
            versions(commands / "python", "mlflow", "uvicorn", "scikit-learn", "numpy"),
            work,
            command,
            "/invocations",
            "/health",
            _encode,
            _decode,
            {"PATH": f"{commands}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"},
        )
    ]


def _encode(row: Row) -> bytes:
    frame = {"columns": list(row), "data": [list(row.values())]}
    return json.dumps({"dataframe_split": frame}).encode()


def _decode(answer: bytes) -> float:
    return json.loads(answer)["predictions"][0][1]
