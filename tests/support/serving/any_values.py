"""A model which some finite values overflow, and rows with every kind of value that people send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sluice import files
from sluice.missing import WORDS
from sluice.model import Input, Signature
from sluice.train.columns import Columns
from sluice.train.export import to_onnx
from sluice.train.models import MODELS
from support.package_parts import Package

LEVELS = ("250", "250.0", "NA", "TRUE", "red")
SIGNATURE = Signature(
    "regression",
    (Input("x", "number"), Input("y", "number"), Input("c", "category", values=LEVELS)),
    id="key",
)
NUMBERS = (None, 0.0, -0.0, 1.5, -2.0, 3e38, 1e300, -1e300, 1.7e308, float("inf"))
TEXTS = (*LEVELS, *WORDS, None, "250.00", "True", "true", "blue", " NA", "na", "é")


def write_model(folder: Path) -> Path:
    """Write a linear model of small numbers, for which 1e300 gives no finite score."""
    random = np.random.default_rng(5)
    rows = 200
    frame = pd.DataFrame(
        {
            "x": random.normal(0, 1e-6, rows),
            "y": random.normal(0, 1, rows),
            "c": random.choice([*LEVELS, ""], rows),
        }
    )
    effect = frame["c"].map({known: at for at, known in enumerate((*LEVELS, ""))})
    columns = Columns(("x", "y"), ("c",), (tuple(sorted((*LEVELS, ""))),), (0, 0))
    pipeline = MODELS["linear"]("regression", columns, 0)
    pipeline.fit(frame, frame["x"] * 1e9 + frame["y"] + effect)
    files.write(folder / "model.onnx", to_onnx(pipeline, SIGNATURE).SerializeToString())
    files.write(folder / "signature.json", files.encode_record(SIGNATURE))
    return folder


def write_package(built: Path, folder: Path) -> Path:
    """Write a package with this model in the place of its own. built: any package."""
    package = Package.read(built)
    model = write_model(folder / "model")
    for name in ("model.onnx", "signature.json"):
        package.contents[f"model/{name}"] = (model / name).read_bytes()
    path = folder / "any-values.tar"
    path.write_bytes(package.seal())
    return path


def records(count: int, seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    return [
        {
            "key": f"k{row:04d}",
            "x": NUMBERS[random.integers(len(NUMBERS))],
            "y": NUMBERS[random.integers(len(NUMBERS))] if random.random() < 0.3 else 1.25,
            "c": TEXTS[random.integers(len(TEXTS))],
        }
        for row in range(count)
    ]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    types = [("key", pa.string()), ("x", pa.float64()), ("y", pa.float64()), ("c", pa.string())]
    return pa.Table.from_pylist(rows, pa.schema(types))
