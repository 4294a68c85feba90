"""Generated rows: six inputs, five of them informative, two sensitive columns, three targets."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = 3_600
TARGET = {"binary": "late", "multiclass": "kind", "regression": "cost"}


def table(task: str, rows: int = ROWS, seed: int = 7) -> pd.DataFrame:
    """The data of one task; a larger table begins with the rows of a smaller one."""
    random = np.random.default_rng(seed)
    drawn = random.standard_normal((rows, 9)).round(4)
    weight, slope, count, waste, hue, side, born, noise, second = drawn.T
    colour = np.select([hue < -0.4, hue < 0.5], ["red", "green"], "blue")
    visits = np.clip((count * 2 + 6).round(), 0, None)
    effect = pd.Series(colour).map({"red": 0.9, "green": 0.0, "blue": -0.6}).to_numpy()
    pull = 1.1 * weight + 1.0 * slope + 0.9 * count + effect
    frame = pd.DataFrame(
        {
            "key": [f"k{n:05d}" for n in range(rows)],
            "weight": (weight * 12 + 70).round(2),
            "slope": slope.round(3),
            "visits": pd.array(np.where(second > 1.4, np.nan, visits), dtype="Int64"),
            "waste": (waste * 5).round(2),
            "colour": colour,
            "side": np.where(side < 0.1, "left", "right"),
            "born": (1975 + born * 12).round().astype(int),
        }
    )
    if task == "binary":
        frame["late"] = np.where(pull + noise > 0.6, "yes", "no")
    elif task == "multiclass":
        kinds = np.digitize(pull + noise, [-0.6, 1.0])
        frame["kind"] = np.array(["low", "middle", "high"])[kinds]
    else:
        frame["cost"] = (20 + 6 * pull + 4 * noise).round(3)
    return frame
