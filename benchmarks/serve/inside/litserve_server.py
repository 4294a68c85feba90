"""Serves the fitted pipeline with LitServe: PIPELINE PORT MAX_BATCH_SIZE."""

import sys
from pathlib import Path
from typing import Any

import litserve
import numpy as np
import pandas as pd

from sluice.train.persist import load


class Single(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pipeline = load(Path(sys.argv[1]))

    def predict(self, row: dict[str, Any]) -> list[float]:
        return self.pipeline.predict_proba(pd.DataFrame([row]))[0].tolist()


class Batched(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.pipeline = load(Path(sys.argv[1]))

    def batch(self, inputs: list[dict[str, Any]]) -> pd.DataFrame:
        return pd.DataFrame(inputs)

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return self.pipeline.predict_proba(rows)

    def unbatch(self, output: np.ndarray) -> list[list[float]]:
        return output.tolist()


def main(port: int, size: int) -> None:
    api = Single() if size == 1 else Batched(max_batch_size=size, batch_timeout=0.005)
    server = litserve.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=1, fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=port,
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(int(sys.argv[2]), int(sys.argv[3]))
