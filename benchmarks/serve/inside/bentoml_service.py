"""The fitted pipeline as a BentoML service, with and without batching."""

import os
from pathlib import Path
from typing import Any

import bentoml
import pandas as pd

from sluice.train.persist import load

SETTINGS: dict[str, Any] = {"workers": 1, "logging": {"access": {"enabled": False}}}


@bentoml.service(**SETTINGS)
class Single:
    def __init__(self) -> None:
        self.pipeline = load(Path(os.environ["PIPELINE"]))

    @bentoml.api
    def predict(self, rows: list[dict[str, Any]]) -> list[list[float]]:
        return self.pipeline.predict_proba(pd.DataFrame(rows)).tolist()


@bentoml.service(**SETTINGS)
class Batched:
    def __init__(self) -> None:
        self.pipeline = load(Path(os.environ["PIPELINE"]))

    @bentoml.api(batchable=True, max_batch_size=32)
    def predict(self, rows: list[dict[str, Any]]) -> list[list[float]]:
        return self.pipeline.predict_proba(pd.DataFrame(rows)).tolist()
