"""The lower bound for any server of this model: ONNX Runtime called in a loop, row by row.

The loop runs on a core of its own as `bare.py MODEL_FOLDER SECONDS < rows.json`; prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

from sluice.model import encode, read_signature


def main(folder: Path, seconds: float) -> None:
    """Call the model for so many seconds, and print calls per second and latencies."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, ["CPUExecutionProvider"]
    )
    wanted = {tensor.name for tensor in session.get_inputs()}
    output = session.get_outputs()[-1].name
    signature = read_signature(folder / "signature.json")
    rows = [encode(signature, [row]) for row in json.load(sys.stdin)]
    feeds = [{name: getattr(row, name) for name in wanted} for row in rows]
    taken: list[float] = []
    started = before = time.perf_counter()
    while before - started < seconds:
        session.run([output], feeds[len(taken) % len(feeds)])
        now = time.perf_counter()
        taken.append(now - before)
        before = now
    p50, p99 = np.percentile(taken, [50, 99]) * 1e3
    figures = {"calls_per_second": len(taken) / (before - started), "p50_ms": p50, "p99_ms": p99}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
