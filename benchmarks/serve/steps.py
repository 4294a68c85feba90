"""Where the time of a request goes: `python benchmarks/serve/steps.py`.

Each step of a request with one row is timed in this process, as part of a batch of 16 requests. The
fastest of many short runs counts, which other work on the machine disturbs least. In a server each
step takes about twice as long, because the other steps displace its code and data from the
processor's caches.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

import inference_protocol
import numpy as np
from subject import Subject, newest_package, unpacked

from sluice.model import Model
from sluice.scoring_log.record import SegmentHeader
from sluice.scoring_log.writer import LogWriter, Rotation
from sluice.serve.http.direct import inferred, message
from sluice.serve.http.inference import Inference
from sluice.serve.metrics import FOLDER, PROBABILITIES, Metrics
from sluice.serve.recorder import Recorder
from sluice.serve.request import joined
from sluice.serve.worker import logged_columns

_TOGETHER, _CALLS, _RUNS = 16, 2, 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder,
        unpacked(options.package or newest_package()) as subject,
    ):
        os.environ[FOLDER] = folder
        for name, step in steps(subject, Path(folder)).items():
            fastest = min(timeit.repeat(step, number=_CALLS, repeat=_RUNS))
            print(f"| {name} | {fastest / _CALLS / _TOGETHER * 1e6:.1f} |", flush=True)


def steps(subject: Subject, folder: Path) -> dict[str, Callable[[], object]]:
    """What a server does for 16 requests which wait at the same time, by name."""
    model = Model(subject.model)
    signature = model.signature
    inference = Inference(signature, subject.name, "1", 10_000, 16)
    bodies = [inference_protocol.request(row) for row in subject.rows[:_TOGETHER]]
    requests = [inference.read(body, None, "1", 0.0)[0] for body in bodies]
    rows = [request.rows for request in requests]
    tensors = joined(rows)
    scores = model.score(tensors)
    columns = logged_columns(signature, "all")
    recorder = Recorder(signature, columns)
    records = recorder.records(requests, scores)
    header = SegmentHeader(
        subject.name, "1", "", socket.gethostname(), "", signature.task, signature.classes, columns
    )
    log = LogWriter(folder, header, Rotation(2**40, 1e9, 1.0))
    metrics = Metrics(subject.name, "1", signature.classes, PROBABILITIES, (0.0, 1.0))

    def counted() -> None:
        metrics.scored(scores, [1] * _TOGETHER)
        for _ in range(_TOGETHER):
            metrics.answered("infer", 0.001)
        metrics.count()

    def responses() -> None:
        for at, request in enumerate(requests):
            response = inferred(*inference.write(request, None, scores.take(np.array([at]))))
            message(response, request.x_request_id, keep_alive=True)

    return {
        "read the JSON": lambda: [inference.read(body, None, "1", 0.0) for body in bodies],
        "put the rows into tensors": lambda: joined(rows),
        "score them with ONNX Runtime": lambda: model.score(tensors),
        "make the records of the log": lambda: recorder.records(requests, scores),
        "write them to the log": lambda: log.write(records),
        "count for the metrics": counted,
        "make the responses": responses,
    }


if __name__ == "__main__":
    main()
