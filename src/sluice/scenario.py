"""Scenarios: tests of how the exported model behaves, as plain data.

A scenario is declared in `src/usecase/scenarios.py`, is stored in the package as JSON, and is run
by every build and wherever the package is verified. This file imports only what the server needs.
The kinds follow "Beyond Accuracy" (Ribeiro et al., 2020): known answers, invariance, direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.model import InputError, Record, Scalar, Scores, Signature, difference, scale_of
from sluice.verdict import Bound, Finding, Status, judge, number

Row = Mapping[str, Scalar]
Samples = dict[str, list[Row]]

# How much sums in float32 may differ.
_NOISE = 1e-6


class Scorer(Protocol):
    """A model that scenarios are run with: in this process, or behind a server."""

    @property
    def signature(self) -> Signature: ...

    def score_records(self, records: Sequence[Record]) -> Scores: ...


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One test. `name` says in plain words what must hold, and is different for each scenario."""

    name: str

    def check(self, model: Scorer, samples: Samples) -> Finding:
        """Run the test. Raises SluiceError if it cannot be run, InputError for a refused row."""
        raise NotImplementedError

    def _rows(self, samples: Samples, sample: str) -> list[Row]:
        if not samples.get(sample):
            raise SluiceError(f"scenario {self.name!r}: the sample {sample!r} has no rows")
        return samples[sample]

    def _say(self, holds: bool, why: str, n: int) -> Finding:
        status = Status.PASS if holds else Status.FAIL
        return Finding(f"scenarios/{self.name}", status, why, n=n)

    def _judge(self, estimate: float, low: float | None, high: float | None, n: int) -> Finding:
        bound = Bound("the scenario itself", low, high)
        return judge(f"scenarios/{self.name}", estimate, bound, n=n)


class Known(Scenario, frozen=True, tag="known", kw_only=True):
    """A row with a known answer: the decision, a range for the score, or both.

    of: the class whose score is meant; by default the positive class of a binary task, or the
    prediction of a regression.
    """

    row: Row
    decision: str | None = None
    low: float | None = None
    high: float | None = None
    of: str | None = None

    def check(self, model: Scorer, samples: Samples) -> Finding:
        scores = model.score_records([self.row])
        score = float(_scores(model, [self.row], self.of)[0])
        if self.decision is not None:
            said = model.signature.classes[int(scores.decisions[0])]
            if said != self.decision:
                why = (
                    f"expected {self.decision!r}, the model decides {said!r} (score "
                    f"{number(score)})"
                )
                return self._say(False, why, 1)
        if self.low is None and self.high is None:
            return self._say(True, f"decides {self.decision!r} (score {number(score)})", 1)
        return self._judge(score, self.low, self.high, 1)


class Edge(Scenario, frozen=True, tag="edge", kw_only=True):
    """Rows of a sample with some values changed, which the model must score or refuse.

    change: the new values. without: columns to remove. refused: the column that the refusal must
    name; without it, every row must get a valid score.
    """

    change: Row = {}
    without: tuple[str, ...] = ()
    refused: str | None = None
    sample: str = "latest"

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = [
            {k: v for k, v in {**row, **self.change}.items() if k not in self.without}
            for row in self._rows(samples, self.sample)
        ]
        try:
            values = model.score_records(rows).values
        except InputError as error:
            return self._say(error.column == self.refused, f"refused: {error}", len(rows))
        if self.refused is not None:
            return self._say(
                False, f"scored, but column {self.refused!r} must be refused", len(rows)
            )
        return self._say(*_sound(model, values), len(rows))


class Sample(Scenario, frozen=True, tag="sample", kw_only=True):
    """A complete sample: every row must be scored, and the mean score must be in a range."""

    sample: str
    low: float | None = None
    high: float | None = None
    of: str | None = None

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = self._rows(samples, self.sample)
        holds, why = _sound(model, model.score_records(rows).values)
        if not holds or (self.low is None and self.high is None):
            return self._say(holds, why, len(rows))
        return self._judge(
            float(_scores(model, rows, self.of).mean()), self.low, self.high, len(rows)
        )


class Recorded(Scenario, frozen=True, tag="recorded", kw_only=True):
    """The scores of the fitted pipeline at the time of the build, which the model must reproduce.

    scores: for each row a list with one score, or with one score for each class.
    """

    sample: str
    scores: Sequence[Sequence[float]]
    tolerance: float

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = self._rows(samples, self.sample)
        values = model.score_records(rows).values.reshape(len(rows), -1)
        expected = np.array(self.scores)
        if values.shape != expected.shape:
            return self._say(
                False, f"{expected.shape} scores recorded, {values.shape} given", len(rows)
            )
        gap = difference(expected, values, scale_of(model.signature.task, expected))
        return self._judge(gap, None, self.tolerance, len(rows))


class Alone(Scenario, frozen=True, tag="alone", kw_only=True):
    """The score of a row must not depend on the other rows of the request.

    The tolerance is needed because ONNX Runtime sums the trees of a single row in another order.
    """

    sample: str = "latest"
    tolerance: float = _NOISE

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = self._rows(samples, self.sample)
        together = model.score_records(rows).values
        alone = np.concatenate([model.score_records([row]).values for row in rows])
        gap = difference(together, alone, scale_of(model.signature.task, together))
        return self._judge(gap, None, self.tolerance, len(rows))


class Invariance(Scenario, frozen=True, tag="invariance", kw_only=True):
    """The score must be the same for all of these values of a column."""

    column: str
    values: Sequence[Scalar]
    tolerance: float = _NOISE
    sample: str = "latest"

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = self._rows(samples, self.sample)
        steps = _sweep(model, rows, self.column, self.values, None)
        return self._judge(float(np.ptp(steps, axis=0).max()), None, self.tolerance, len(rows))


class Direction(Scenario, frozen=True, tag="direction", kw_only=True):
    """The score must not fall, or must not rise, as a column takes the `values` in their order."""

    column: str
    values: Sequence[Scalar]
    effect: Literal["not lower", "not higher"]
    tolerance: float = _NOISE
    of: str | None = None
    sample: str = "latest"

    def check(self, model: Scorer, samples: Samples) -> Finding:
        rows = self._rows(samples, self.sample)
        steps = np.diff(_sweep(model, rows, self.column, self.values, self.of), axis=0)
        wrong = -steps if self.effect == "not lower" else steps
        worst = float(wrong.max())
        at = np.unravel_index(int(wrong.argmax()), wrong.shape)
        if worst <= self.tolerance:
            why = f"holds for {len(rows)} rows at each step through {self.values}"
            return self._say(True, why, len(rows))
        before, after = list(pairwise(self.values))[int(at[0])]
        why = (
            f"{self.column} from {before} to {after} moves the score of sample row {int(at[1])} "
            f"by {number(worst)} the wrong way"
        )
        return self._say(False, why, len(rows))


AnyScenario = Known | Edge | Sample | Recorded | Alone | Invariance | Direction


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All scenarios of a package with the rows that they are run on."""

    samples: Samples
    scenarios: list[AnyScenario]


def run(model: Scorer, book: Book) -> list[Finding]:
    """Run every scenario; the findings are in the order of the scenarios."""
    return [_run(scenario, model, book.samples) for scenario in book.scenarios]


def _run(scenario: AnyScenario, model: Scorer, samples: Samples) -> Finding:
    try:
        return scenario.check(model, samples)
    except InputError as error:
        return Finding(f"scenarios/{scenario.name}", Status.FAIL, f"refused: {error}")


def read(path: Path) -> Book:
    """Read the scenarios of a package; raises SluiceError if they are missing or not valid."""
    try:
        return decode_json(path.read_bytes(), Book)
    except FileNotFoundError:
        raise SluiceError(f"{path} is missing") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SluiceError(f"{path}: not a valid file of scenarios: {error}") from None


def _scores(model: Scorer, rows: Sequence[Row], of: str | None) -> NDArray[np.float64]:
    values = model.score_records(rows).values
    if of is None and values.ndim == 1:
        return values
    classes = model.signature.classes
    if of not in classes:
        raise SluiceError(f"a scenario's 'of' is {of!r}, expected one of {list(classes)}")
    if values.ndim == 2:
        return values[:, classes.index(of)]
    return values if classes.index(of) == 1 else 1 - values


def _sweep(
    model: Scorer, rows: list[Row], column: str, values: Sequence[Scalar], of: str | None
) -> NDArray[np.float64]:
    """The score of each row with each of the values in the column: [values, rows].

    Without `of` in a multi-class task, the scores of all k classes: [values, rows * k].
    """
    changed = [[{**row, column: value} for row in rows] for value in values]
    if of is None:
        return np.array([model.score_records(step).values.ravel() for step in changed])
    return np.array([_scores(model, step, of) for step in changed])


def _sound(model: Scorer, values: NDArray[np.float64]) -> tuple[bool, str]:
    if not np.isfinite(values).all():
        return False, "a score is not a finite number"
    if model.signature.task != "regression" and not ((values >= 0) & (values <= 1)).all():
        return False, "a score is outside 0 to 1"
    return True, f"every row is scored, {number(values.min())} to {number(values.max())}"
