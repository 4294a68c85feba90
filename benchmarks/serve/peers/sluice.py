"""Our own server, and its lower bound: an empty response from the same uvicorn."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import inference_protocol
from contender import HOST, Contender
from environments import folder, versions
from subject import ROOT, Subject


def contenders(subject: Subject) -> list[Contender]:
    """The server, and the empty response."""
    python = Path(sys.executable)
    path = f"/v2/models/{subject.name}/infer"

    log = folder("sluice") / "log"

    def serve(port: int) -> list[str]:
        shutil.rmtree(log, ignore_errors=True)
        return [
            str(python.with_name("sluice")), "serve", str(subject.package),
            "--port", str(port), "--log", str(log),
        ]  # fmt: skip

    def floor(port: int) -> list[str]:
        return [
            str(python), "-m", "uvicorn", "floor:app",
            "--app-dir", str(ROOT / "benchmarks" / "serve"), "--http", "httptools",
            "--loop", "uvloop", "--lifespan", "off", "--no-access-log", "--log-level", "warning",
            "--host", HOST, "--port", str(port),
        ]  # fmt: skip

    return [
        Contender(
            "sluice",
            "sluice serve",
            "ours",
            "one process, scoring log and metrics on",
            versions(python, "sluice", "uvicorn", "httptools", "uvloop", "onnxruntime", "numpy"),
            folder("sluice"),
            serve,
            path,
            "/v2/health/ready",
            inference_protocol.request,
            _decode,
        ),
        Contender(
            "floor",
            "empty response from the same uvicorn",
            "floor",
            "reads the same request and responds with {}: no model, no log, no metrics",
            versions(python, "uvicorn", "httptools", "uvloop"),
            folder("floor"),
            floor,
            path,
            "/",
            inference_protocol.request,
        ),
    ]


def _decode(answer: bytes) -> float:
    return inference_protocol.output(answer, "score")[0]
