"""Encode the training rows of segments, so that other processes can fit the segments' models."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from sluice import files, table
from sluice.errors import SluiceError
from sluice.guest import usecase
from sluice.guest.candidate import chosen
from sluice.train import segment_groups, segment_work
from sluice.train.fit import unfitted
from sluice.train.segment_work import Work


@usecase.task
def main(inputs: Path, outputs: Path, name: str, finished: str) -> None:
    """Write `work.json`, and for each group that is not finished the matrix `GROUP.npy`.

    Reads `params.yaml` and the rows `train.parquet`. finished: the groups, as a list in JSON.
    """
    done = set(msgspec.json.decode(finished, type=list[int]))
    with chosen(inputs, name) as candidate:
        rows, settings = candidate.rows, candidate.settings
        pipeline, columns = unfitted(candidate.build, candidate.parameters, rows, settings)
        model = pipeline[-1]
        try:
            estimator = segment_work.described(model.own)
        except SluiceError as error:
            raise SluiceError(f"params.yaml: candidates.{name}: {error}") from None
        truth = table.truth(rows, settings)
        matrix = pipeline[0].fit_transform(rows[columns.inputs], truth)
    groups = segment_groups.split(matrix[:, -1].astype(np.int64), model.estimator)
    sizes = {}
    for at, parts in enumerate(groups):
        if at not in done:
            mine = np.concatenate(parts)
            encoded = np.column_stack([matrix[mine, :-1], truth[mine]])
            np.save(outputs / f"{at}.npy", encoded, allow_pickle=False)
            sizes[at] = list(map(len, parts))
    total = sum(map(len, groups))
    classes = 0 if settings.task == "regression" else len(np.unique(truth))
    work = Work(estimator, model.rows, classes, total, sizes, segment_work.versions())
    files.write(outputs / "work.json", msgspec.json.encode(work))
