"""The executable model: a signature and an ONNX graph.

The gates, the package's verification and the server all score through this
file. It needs NumPy, msgspec and ONNX Runtime, nothing else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.errors import SluiceError
from sluice.labels import label
from sluice.metrics import Floats, Ints
from sluice.task import Task

Scalar = bool | int | float | str | None
Record = Mapping[str, Scalar]

NOT_FINITE = "expected a finite number; send null for an unknown value"


def no_number(value: object) -> str:
    return f"expected a number, found {value!r}"


class InputError(SluiceError):
    """A row that the signature does not admit."""

    def __init__(self, row: int, column: str, problem: str) -> None:
        super().__init__(f"row {row}, column {column!r}: {problem}")
        self.row, self.column, self.problem = row, column, problem


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column that the model reads; a sensitive one is never written to a log."""

    name: str
    type: Literal["number", "category"]
    sensitive: bool = False


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From scores to decisions.

    `threshold` decides a binary task; `costs`, in the order of the classes, weigh
    the probabilities of a multi-class one; a regression has neither.
    """

    threshold: float | None = None
    costs: tuple[float, ...] = ()


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes in and what comes out.

    Missing values are JSON's null; they are NaN in a number's tensor and the
    empty text in a category's. `id` is the column that names a row: it may come
    along, and the model does not see it.
    """

    task: Task
    inputs: tuple[Input, ...]
    classes: tuple[str, ...] = ()
    decision: Decision = Decision()
    id: str | None = None

    @property
    def numbers(self) -> list[str]:
        return [column.name for column in self.inputs if column.type == "number"]

    @property
    def categories(self) -> list[str]:
        return [column.name for column in self.inputs if column.type == "category"]


class Scores(msgspec.Struct, frozen=True, eq=False):
    """values: [n] probability of the positive class, [n, k] of each class, or [n] predictions.

    decisions: [n] class indices; for a regression the predictions themselves.
    """

    values: Floats
    decisions: Ints | Floats


class Tensors(msgspec.Struct, frozen=True, eq=False):
    """The model's inputs: numbers [n, p] float64, categories [n, q] text."""

    numbers: Floats
    categories: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.numbers)


class Model:
    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it listens at import only
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a session: sums come out in one order on every machine.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.signature = read_signature(folder / "signature.json")
        try:
            self._session = onnxruntime.InferenceSession(
                (folder / "model.onnx").read_bytes(), options, ["CPUExecutionProvider"]
            )
        except FileNotFoundError:
            raise SluiceError(f"{folder}: model.onnx is missing") from None
        except Exception as error:  # ONNX Runtime's errors share no base class
            said = str(error).splitlines()[0]
            raise SluiceError(f"{folder}: model.onnx does not load: {said}") from None
        self._wanted = {tensor.name for tensor in self._session.get_inputs()}
        outputs = self._session.get_outputs()
        if not outputs or not self._wanted <= {"numbers", "categories"}:
            raise SluiceError(f"{folder}: model.onnx does not load: other inputs or outputs")
        self._output = outputs[-1].name

    def score(self, tensors: Tensors) -> Scores:
        feed = {"numbers": tensors.numbers, "categories": tensors.categories}
        wanted = {name: feed[name] for name in self._wanted}
        values = self._session.run([self._output], wanted)[0].astype(np.float64)
        if self.signature.task == "regression":
            values = values.reshape(len(tensors))
        elif self.signature.task == "binary":
            values = values[:, 1]
        return Scores(values, decide(self.signature.decision, values))

    def score_records(self, records: Sequence[Record]) -> Scores:
        return self.score(encode(self.signature, records))


def decide(decision: Decision, values: Floats) -> Ints | Floats:
    """[n] class indices: by the threshold, or the least expected cost (Elkan, 2001)."""
    if decision.threshold is not None:
        return (values >= decision.threshold).astype(np.int64)
    if decision.costs:
        return np.argmax(values * np.asarray(decision.costs), axis=1).astype(np.int64)
    return values


def scale_of(task: Task, scores: Floats) -> float:
    """What a difference between scores is relative to: 1 for probabilities, else their size."""
    return 1.0 if task != "regression" else float(np.abs(scores).max()) or 1.0


def difference(expected: Floats, got: Floats, scale: float) -> float:
    """The largest difference in units of `scale`, or of the score itself where that is larger.

    Infinite where either is not a finite number.
    """
    if not (np.isfinite(expected).all() and np.isfinite(got).all()):
        return math.inf
    return float((np.abs(expected - got) / np.maximum(scale, np.abs(expected))).max())


def encode(signature: Signature, records: Sequence[Record]) -> Tensors:
    """Records as tensors; raises InputError that names the row and the column."""
    known = {column.name for column in signature.inputs} | {signature.id}
    for row, record in enumerate(records):
        for name in record:
            if name not in known:
                raise InputError(row, name, "is not an input of this model")
    numbers = [
        [_number(row, name, record) for name in signature.numbers]
        for row, record in enumerate(records)
    ]
    categories = [
        [_category(row, name, record) for name in signature.categories]
        for row, record in enumerate(records)
    ]
    return Tensors(
        np.array(numbers, np.float64).reshape(len(records), len(signature.numbers)),
        np.array(categories, object).reshape(len(records), len(signature.categories)),
    )


def _value(row: int, name: str, record: Record) -> Scalar:
    try:
        return record[name]
    except KeyError:
        raise InputError(row, name, "is missing; send null for an unknown value") from None


def _number(row: int, name: str, record: Record) -> float:
    value = _value(row, name, record)
    if value is None:
        return math.nan
    if isinstance(value, str) or not isinstance(value, (bool, int, float)):
        raise InputError(row, name, no_number(value))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(row, name, NOT_FINITE)
    return number


def _category(row: int, name: str, record: Record) -> str:
    value = _value(row, name, record)
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise InputError(row, name, f"expected text or a number, found {type(value).__name__}")
    return label(value)


def read_signature(path: Path) -> Signature:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Signature)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path}: not a signature: {error}") from None
