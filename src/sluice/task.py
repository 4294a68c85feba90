"""What a model predicts: one of two classes, one of several classes, or a number."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
