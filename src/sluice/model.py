"""The exported model: its signature, and scoring with ONNX Runtime.

The gates, the verification of a package and the server all score with this module. This module
needs only NumPy, msgspec and ONNX Runtime.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice import signals
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.labels import Levels
from sluice.metrics import Floats, Ints
from sluice.spelling import suggestion
from sluice.task import Task

Scalar = bool | int | float | str | None
Record = Mapping[str, Scalar]

NOT_FINITE = "expected a finite number; send null for an unknown value"
_FOLDER_OF_CONSTANTS = "session.model_external_initializers_file_folder_path"
_AT_ONCE = 250_000  # rows that are scored in one call, which bounds its memory
_LONG_NAME = 200  # characters; comparing a longer name with all inputs takes too long
# An output of a model with segments: [n] 0 for the model for all rows, or the segment's number.
SEGMENT_MODELS = "segment_models"
NO_SCORE = "the model gives no finite score for these values"


def no_number(value: object) -> str:
    """The message for a value that should be a number."""
    return f"expected a number, found {value!r}"


def no_input(name: str, signature: Signature) -> str:
    """The message for a column that the model does not read."""
    known = [column.name for column in signature.inputs]
    hint = suggestion(name, known) if len(name) < _LONG_NAME else ""
    return f"is not an input of this model{hint and '; '}{hint}"


class InputError(SluiceError):
    """A value that does not match the signature; the message names its row and column."""

    def __init__(self, row: int, column: str, problem: str) -> None:
        super().__init__(f"row {row}, column {column!r}: {problem}")
        self.row, self.column, self.problem = row, column, problem


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column that the model reads. Sensitive columns are never written to the scoring log.

    values: the declared values of a category, which distinguish words such as 'NA' from a missing
    value; empty if none are declared.
    """

    name: str
    type: Literal["number", "category"]
    sensitive: bool = False
    values: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How scores become decisions.

    A binary task has a `threshold`: a score of at least this is positive. A multi-class task has
    `costs`, the cost of missing each class, in the order of the classes. A regression has neither.
    """

    threshold: float | None = None
    costs: tuple[float, ...] = ()


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The inputs and outputs of a model.

    A missing value is null in JSON, NaN in the tensor of numbers, and the empty text in the tensor
    of categories. In a category, a word of `sluice.missing` that is not a declared value is also
    missing. A record may contain the column `id`, which identifies it; the model does not read it.

    segment: the input whose values have models of their own, in addition to the model for all rows;
    None if there is one model.
    """

    task: Task
    inputs: tuple[Input, ...]
    classes: tuple[str, ...] = ()
    decision: Decision = Decision()
    id: str | None = None
    segment: str | None = None

    @cached_property
    def numbers(self) -> list[str]:
        """The numeric inputs, in the order of the tensor `numbers`."""
        return [column.name for column in self.inputs if column.type == "number"]

    @cached_property
    def categories(self) -> list[str]:
        """The inputs that are categories, in the order of the tensor `categories`."""
        return [column.name for column in self.inputs if column.type == "category"]

    @cached_property
    def levels(self) -> dict[str, Levels]:
        """How the values of each category are recognised, by column."""
        found = [column for column in self.inputs if column.type == "category"]
        return {column.name: Levels(column.values) for column in found}


class Scores(msgspec.Struct, frozen=True, eq=False):
    """What the model returns for n rows.

    values: [n] probabilities of the positive class, [n, k] probabilities of k classes, or [n]
    predicted numbers. decisions: [n] class indices, or the predicted numbers. segments: [n] the
    segment whose model gave the score, where None means the model for all rows; None if there are
    no segments.
    """

    values: Floats
    decisions: Ints | Floats
    segments: NDArray[np.object_] | None = None

    @property
    def unusable(self) -> Ints:
        """The numbers of the rows with a score that is not finite, in order."""
        finite = np.isfinite(self.values)
        return np.flatnonzero(~(finite if finite.ndim == 1 else finite.all(axis=1)))

    def take(self, rows: Ints) -> Scores:
        """The scores of some rows."""
        return self._part(rows)

    def between(self, start: int, end: int) -> Scores:
        """The scores of the rows from `start` to the one before `end`."""
        return self._part(slice(start, end))

    def _part(self, rows: Ints | slice) -> Scores:
        segments = None if self.segments is None else self.segments[rows]
        return Scores(self.values[rows], self.decisions[rows], segments)


class Tensors(msgspec.Struct, frozen=True, eq=False):
    """The inputs of n rows: p numbers, [n, p] of float64, and q categories, [n, q] of text."""

    numbers: Floats
    categories: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.numbers)

    def between(self, start: int, end: int) -> Tensors:
        """The rows from `start` to the one before `end`."""
        return Tensors(self.numbers[start:end], self.categories[start:end])


class Model:
    """An exported model, loaded from a folder with `model.onnx` and `signature.json`.

    interruptible: whether signals raise KeyboardInterrupt in this process, as they do in commands
    but not in a server. ONNX Runtime crashes if that happens while it reads its inputs, so such
    signals wait until it has finished. Raises SluiceError if a file is missing or not valid.
    """

    def __init__(self, folder: Path, *, interruptible: bool = True) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when it is imported
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # With one thread, sums are computed in the same order on every machine.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # A graph may load constants from files, such as the holdout; this folder contains none.
        options.add_session_config_entry(_FOLDER_OF_CONSTANTS, os.devnull)
        self.signature = read_signature(folder / "signature.json")
        try:
            self._session = onnxruntime.InferenceSession(
                (folder / "model.onnx").read_bytes(), options, ["CPUExecutionProvider"]
            )
        except FileNotFoundError:
            raise SluiceError(f"{folder}: model.onnx is missing") from None
        except Exception as error:  # ONNX Runtime's errors share no base class
            reason = str(error).splitlines()[0]
            raise SluiceError(f"{folder}: model.onnx cannot be loaded: {reason}") from None
        self._guarded = signals.postponed if interruptible else contextlib.nullcontext
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        outputs = self._session.get_outputs()
        if not outputs or not self._inputs <= {"numbers", "categories"}:
            raise SluiceError(
                f"{folder}: model.onnx cannot be loaded: expected the inputs 'numbers' and "
                "'categories', and an output"
            )
        self._outputs = [outputs[-1].name]
        self._segment_place: int | None = None
        if self.signature.segment is not None:
            self._outputs.append(SEGMENT_MODELS)
            self._segment_place = self.signature.categories.index(self.signature.segment)
            if SEGMENT_MODELS not in {output.name for output in outputs[:-1]}:
                raise SluiceError(
                    f"{folder}: model.onnx cannot be loaded: expected the output {SEGMENT_MODELS!r}"
                )

    def score(self, tensors: Tensors) -> Scores:
        """Score rows that are already encoded."""
        most = self._at_once()
        if len(tensors) <= most:
            return self._score(tensors)
        starts = range(0, len(tensors), most)
        parts = [self._score(tensors.between(start, start + most)) for start in starts]
        segments = [part.segments for part in parts if part.segments is not None]
        return Scores(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.decisions for part in parts]),
            np.concatenate(segments) if segments else None,
        )

    def _at_once(self) -> int:
        """With segments and several classes, each row needs the coefficients of every class."""
        if self._segment_place is None or self.signature.task != "multiclass":
            return _AT_ONCE
        return max(1, _AT_ONCE // len(self.signature.classes))

    def _score(self, tensors: Tensors) -> Scores:
        feed = {"numbers": tensors.numbers, "categories": tensors.categories}
        inputs = {name: feed[name] for name in self._inputs}
        with self._guarded():
            found = self._session.run(self._outputs, inputs)
        values = found[0].astype(np.float64)
        if self.signature.task == "regression":
            values = values.reshape(len(tensors))
        elif self.signature.task == "binary":
            values = values[:, 1]
        decisions = decide(self.signature.decision, values)
        if self._segment_place is None:
            return Scores(values, decisions)
        segments = tensors.categories[:, self._segment_place].copy()
        segments[found[1] == 0] = None
        return Scores(values, decisions, segments)

    def score_records(self, records: Sequence[Record]) -> Scores:
        """Score records; raises InputError for a value that does not match the signature."""
        return self.score(encode(self.signature, records))


def decide(decision: Decision, values: Floats) -> Ints | Floats:
    """[n] class indices by the threshold, or the classes with the lowest expected cost (Elkan,
    2001).

    values: as in `Scores`; returned unchanged if there are neither threshold nor costs.
    """
    if decision.threshold is not None:
        return (values >= decision.threshold).astype(np.int64)
    if decision.costs:
        return np.argmax(values * np.asarray(decision.costs), axis=1).astype(np.int64)
    return values


def scale_of(task: Task, scores: Floats) -> float:
    """The unit for differences of scores: 1 for probabilities, or the largest absolute number."""
    return 1.0 if task != "regression" else float(np.abs(scores).max()) or 1.0


def difference(expected: Floats, got: Floats, scale: float) -> float:
    """The largest difference between scores, relative to `scale` or to a larger expected score.

    The difference is infinite if any score is NaN or infinite.
    """
    if not (np.isfinite(expected).all() and np.isfinite(got).all()):
        return math.inf
    return float((np.abs(expected - got) / np.maximum(scale, np.abs(expected))).max())


def encode(signature: Signature, records: Sequence[Record]) -> Tensors:
    """Convert records to tensors; raises InputError for a value that does not match."""
    known = {column.name for column in signature.inputs} | {signature.id}
    for row, record in enumerate(records):
        for name in record:
            if name not in known:
                raise InputError(row, name, no_input(name, signature))
    numbers = [
        [_number(row, name, record) for name in signature.numbers]
        for row, record in enumerate(records)
    ]
    columns = signature.levels
    categories = [
        [_category(row, name, record, levels) for name, levels in columns.items()]
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


def _category(row: int, name: str, record: Record, levels: Levels) -> str:
    value = _value(row, name, record)
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise InputError(row, name, f"expected text or a number, found {type(value).__name__}")
    return levels.of(value)


def read_signature(path: Path) -> Signature:
    """Read `signature.json`; raises SluiceError if it is missing or not valid."""
    try:
        return decode_json(path.read_bytes(), Signature)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path} is not a valid signature: {error}") from None
