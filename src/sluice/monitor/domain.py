"""A classifier that tries to distinguish production from training, to find changes that no single
column shows.

Half of the rows train the classifier, and the other half test it. The classifier's area under the
ROC curve is 0.5 if there is no difference, not even in how columns are related.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sluice.metrics import Floats
from sluice.monitor import read, repeats
from sluice.monitor.read import OpenedFile, UnreadableError
from sluice.monitor.summary import DAY, FileSummary
from sluice.monitor.windows import Subject, Window
from sluice.sketch import distinct
from sluice.sketch.bins import Bins
from sluice.sketch.reference import Reference
from sluice.stats import auc
from sluice.verdict import Bound, Finding, Status, number, plain

NAME = "drift/all columns together"
_ROWS = 6_000  # rows of production, and as many of training
_FEWEST = 500
# The tolerated area under the ROC curve. One column that shifts by about a sixth of its standard
# deviation gives this area.
_FLOOR = 0.55
_MOST_LEVELS = 254  # the most levels of a category that scikit-learn supports


def finding(
    train: Path,
    log: str,
    summaries: Sequence[FileSummary],
    reference: Reference,
    *,
    subject: Subject,
    window: Window,
    alpha: float,
) -> Finding:
    """Whether production differs from the training rows in the Parquet file `train`."""
    logged = [one.bins for one in reference.features]
    differing = {name for s in summaries for name in s.differences}
    columns = [bins for bins in logged if bins.name not in differing]
    seen = _of_log(log, summaries, reference, columns, subject=subject, window=window)
    known = _of_training(train, columns)
    n = min(len(seen), len(known))
    bound = Bound("a fixed rule of sluice", high=_FLOOR)
    if n < _FEWEST or not columns:
        why = f"{n:,} rows {window} with different ids, at least {_FEWEST:,} are needed"
        return Finding(NAME, Status.INSUFFICIENT, why, n=n, bound=bound)
    area, error = _told_apart(known, seen, columns)
    told = (
        f"a classifier distinguishes {len(seen):,} rows {window} from {len(known):,} of training, "
    )
    told += f"with an area under the ROC curve of {number(area)} (standard error {number(error)})"
    # Test that the area is at most the floor, shifted so that the null hypothesis is one half.
    alarm = auc.exceeds_half(area - _FLOOR + 0.5, error) <= alpha
    status = Status.FAIL if alarm else Status.PASS
    if alarm:
        told += ": columns have changed, or the relations between them"
    return Finding(NAME, status, told, plain(area), n=n, bound=bound)


def _told_apart(known: Floats, seen: Floats, columns: Sequence[Bins]) -> tuple[float, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows = np.concatenate([known, seen])
    side = np.repeat([0, 1], [len(known), len(seen)])
    # Equal rows go to the same half, or the classifier could recognise rows that it was trained on.
    filled = np.where(np.isnan(rows), np.finfo(float).min, rows)
    _, alike = np.unique(filled, axis=0, return_inverse=True)
    half = (np.random.default_rng(1).random(int(alike.max()) + 1) < 0.5)[alike]
    model = HistGradientBoostingClassifier(
        max_iter=60,
        categorical_features=[bins.type == "category" for bins in columns],
        random_state=1,
        early_stopping=False,
    )
    scores = model.fit(rows[half], side[half]).predict_proba(rows[~half])[:, 1]
    return auc.of(scores[side[~half] == 0], scores[side[~half] == 1])


def _of_log(
    log: str,
    summaries: Sequence[FileSummary],
    reference: Reference,
    columns: Sequence[Bins],
    *,
    subject: Subject,
    window: Window,
) -> Floats:
    """A sample of the window's rows, at most one for each id: [n, columns]."""
    import pyarrow.compute as pc

    first, last = (window.last - window.days + 1) * DAY, (window.last + 1) * DAY
    days = range(window.last - window.days + 1, window.last + 1)
    wanted = {s.name for s in summaries if any(c.key.day in days for c in s.cells)}
    parts, hashes = [], []
    for file in repeats.counted_files(log, summaries):
        if file.name not in wanted:
            continue
        try:
            for batch in read.batches(file, OpenedFile(""), reference):
                time = batch.column("time").cast(pa.int64())
                mine = pc.equal(batch.column("package").cast(pa.string()), subject.package)
                inside = pc.and_(pc.greater_equal(time, first), pc.less(time, last))
                wanted_rows = pc.and_(mine, inside)
                chosen = batch.filter(wanted_rows)
                if chosen.num_rows:
                    ids = pc.coalesce(
                        chosen.column("id"), time.filter(wanted_rows).cast(pa.string())
                    )
                    mixed = distinct.hashes(ids)
                    # The rows with the smallest hashes are a random sample of the ids.
                    keep = np.argsort(mixed)[:_ROWS]
                    parts.append(_matrix(chosen.column("features"), columns)[keep])
                    hashes.append(mixed[keep])
        except UnreadableError:
            continue
    if not parts:
        return np.empty((0, len(columns)))
    _, first_of_id = np.unique(np.concatenate(hashes), return_index=True)
    return np.concatenate(parts)[first_of_id[:_ROWS]]


def _of_training(train: Path, columns: Sequence[Bins]) -> Floats:
    table = pq.read_table(train, columns=[bins.name for bins in columns])
    if len(table) > _ROWS:
        rows = np.random.default_rng(1).choice(len(table), _ROWS, replace=False)
        table = table.take(pa.array(np.sort(rows)))
    parts = [table.column(bins.name).combine_chunks() for bins in columns]
    return np.column_stack([_values(part, bins) for part, bins in zip(parts, columns, strict=True)])


def _matrix(features: pa.StructArray, columns: Sequence[Bins]) -> Floats:
    parts = dict(zip([f.name for f in features.type], features.flatten(), strict=True))
    return np.column_stack([_values(parts[bins.name], bins) for bins in columns])


def _values(column: pa.Array, bins: Bins) -> Floats:
    if bins.type == "number":
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    coded = column.cast(pa.string()).dictionary_encode("encode")
    places = bins.of_levels(coded.dictionary.to_pylist()).astype(float)
    places = np.minimum(places, _MOST_LEVELS)
    return places[coded.indices.to_numpy()]
