"""One segment of 30 that changes is found; without a change, no check raises an alarm."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sluice.config.monitor import Monitor
from sluice.monitor import segment_counts, segment_drift
from sluice.monitor.segment_drift import SegmentDrift
from sluice.monitor.summary import Cell, Key
from sluice.monitor.truth.segments import Changes, changes
from sluice.monitor.windows import Subject
from sluice.segment_gains import losses, means, surprises
from sluice.sketch import bins
from sluice.sketch.reference import Counted, Reference
from sluice.sketch.segments import OTHERS, SegmentCounts, SegmentReference
from sluice.task import Task
from sluice.verdict import Status

SEGMENTS = 30
HELD_OUT = 120  # rows of each segment
LAST = 20_000
SUBJECT = Subject("toy", "1", "d" * 64)
MEANS = np.random.default_rng(1).normal(0, 1, SEGMENTS + 1)


def scores(random: np.random.Generator, rows: int, shift: np.ndarray) -> np.ndarray:
    """Probabilities of each segment, which have scores of their own: [segments, rows]."""
    linear = (MEANS + shift)[:, None] + random.normal(size=(SEGMENTS + 1, rows))
    return 1 / (1 + np.exp(-linear))


def referenced(random: np.random.Generator) -> Reference:
    held = scores(random, HELD_OUT, np.zeros(SEGMENTS + 1))
    made = bins.of_numbers("score", held.ravel(), split_at=0.5)
    truth = random.random(held.shape) < held
    places = np.repeat(np.arange(SEGMENTS + 1), HELD_OUT)
    values, variances = surprises("binary", truth.ravel().astype(int), held.ravel())
    _, mean, error = means(places, values, variances, SEGMENTS + 1)
    names = [f"s{n:02}" for n in range(SEGMENTS)] + [OTHERS]
    segments = tuple(
        SegmentCounts(
            name,
            tuple(made.count(made.of_numbers(held[at])).tolist()),
            HELD_OUT,
            float(mean[at]),
            float(error[at]),
        )
        for at, name in enumerate(names)
    )
    loss = float(losses("binary", truth.ravel().astype(int), held.ravel()).mean())
    counted = Counted(made, tuple(made.count(made.of_numbers(held.ravel())).tolist()))
    return Reference(
        "binary",
        ("no", "yes"),
        (),
        (counted,),
        9_000,
        held.size,
        9_000,
        segments=SegmentReference("store", loss, segments),
    )


def drifted(seed: int, shift: float) -> list[SegmentDrift]:
    """The check of a log in which the scores of s07 shift by so many standard deviations."""
    random = np.random.default_rng(seed)
    reference = referenced(random)
    made = reference.scores[0].bins
    moved = np.zeros(SEGMENTS + 1)
    moved[7] = shift
    cells = []
    for back, rows in ((0, 14), (3, 84), (20, 294)):  # 14 rows a day, in three cells
        now = scores(random, rows, moved)
        counts = {
            at: tuple(made.count(made.of_numbers(row)).tolist()) for at, row in enumerate(now)
        }
        key = Key("toy", "1", SUBJECT.digest, "host", LAST - back)
        cells.append(Cell(key, now.size, 0, "", 0, 0, (), (), (), {}, (), segments=counts))
    return segment_drift.measure(cells, reference, SUBJECT, Monitor(), LAST)


def test_a_shift_in_one_segment_is_found_and_named_first() -> None:
    for seed in range(5):
        found = drifted(seed, 1.2)
        assert [one.name for one in found if any(one.alarms)] == ["s07"]
        assert found[0].name == "s07"
        assert all(one.enough for one in found)


def test_drift_raises_no_alarm_without_a_change() -> None:
    looks = [drifted(seed, 0.0) for seed in range(50)]
    assert not [one.name for look in looks for one in look if any(one.alarms)]


def judged(seed: int, rows: int, *, flipped: bool) -> Changes:
    """The outcomes of s07 are random if `flipped`."""
    random = np.random.default_rng(seed)
    reference = referenced(random).segments
    assert reference is not None
    now = scores(random, rows, np.zeros(SEGMENTS + 1))
    chance = now.copy()
    if flipped:
        chance[7] = 1 - chance[7]
    truth = (random.random(now.shape) < chance).astype(int)
    values, variances = surprises("binary", truth.ravel(), now.ravel())
    places = np.repeat(np.arange(SEGMENTS + 1), rows)
    found = means(places, values, variances, SEGMENTS + 1)
    return changes(reference, *found, rate=1 / 365)


def test_other_outcomes_in_one_segment_are_found() -> None:
    for seed in range(5):
        status = judged(seed, 150, flipped=True).status
        assert [at for at, one in enumerate(status) if one is Status.FAIL] == [7]


def test_ground_truth_raises_no_alarm_without_a_change() -> None:
    looks = [judged(seed, 150, flipped=False) for seed in range(200)]
    assert not sum(one is Status.FAIL for look in looks for one in look.status)
    passed = np.mean([one is Status.PASS for look in looks for one in look.status])
    assert passed > 0.9


@pytest.mark.parametrize("rows", [5, 12])
def test_few_labels_are_insufficient_and_do_not_pass(rows: int) -> None:
    status = judged(3, rows, flipped=True).status
    assert status[7] is not Status.PASS
    assert Status.FAIL not in status[:7]
    if rows < 10:
        assert set(status) == {Status.INSUFFICIENT}


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_loss_is_compared_with_what_the_scores_predict(task: Task) -> None:
    random = np.random.default_rng(8)
    each = random.dirichlet(np.full(2 if task == "binary" else 4, 0.7), 40_000)
    truth = (random.random((len(each), 1)) > each.cumsum(axis=1)).sum(axis=1)
    values, variances = surprises(task, truth, each[:, 1] if task == "binary" else each)
    assert np.abs(values.mean()) < 4 * values.std() / 200
    assert values.var() == pytest.approx(variances.mean(), rel=0.05)


def test_the_scores_of_several_classes_are_counted_and_compared() -> None:
    random = np.random.default_rng(9)
    names = ("low", "middle", "high")
    held = random.dirichlet(np.ones(3), 900)
    made = [bins.of_numbers(f"score of {name}", held[:, at]) for at, name in enumerate(names)]
    scores = [Counted(b, tuple(b.count(b.of_numbers(held[:, k])))) for k, b in enumerate(made)]
    joint = tuple(n for one in scores for n in one.counts)
    segments = (SegmentCounts("s0", joint, 900), SegmentCounts(OTHERS, joint, 900))
    known = SegmentReference("store", 0.5, segments)
    reference = Reference("multiclass", names, (), tuple(scores), 3_000, 900, 3_000, segments=known)
    now = random.dirichlet(np.ones(3), 800)
    now[:400] = random.dirichlet([1, 1, 6], 400)
    batch = pa.RecordBatch.from_pydict(
        {
            "score": pa.FixedSizeListArray.from_arrays(pa.array(now.ravel()), 3),
            "segment": pa.array(["s0"] * 400 + [None, "unknown"] * 200),
        }
    )
    (counts,) = segment_counts.count(batch, reference, np.zeros(800, np.intp), 1, ())
    assert {place: sum(row) for place, row in counts.items()} == {0: 1_200, 1: 1_200}
    cell = Cell(
        Key("toy", "1", SUBJECT.digest, "host", LAST),
        *(800, 0, "", 0, 0, (), (), (), {}, ()),
        segments=counts,
    )
    found = segment_drift.measure([cell], reference, SUBJECT, Monitor(), LAST)
    assert [(one.name, any(one.alarms)) for one in found] == [("s0", True), (OTHERS, False)]
    assert found[0].rows == 400
