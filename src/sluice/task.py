"""What kind of answer a model gives."""

from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
