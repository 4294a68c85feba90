"""Measures `sluice score`, Parquet to Parquet, with benchmarks/batch.py."""

from __future__ import annotations

import sys

from results import Batch
from subject import ROOT, Subject

TIMES = [1, 10, 100]


def batches(subject: Subject, repeats: int) -> list[Batch]:
    """The figures for the data as it is, and for 10 and 100 times its rows."""
    sys.path.append(str(ROOT / "benchmarks"))
    from batch import measure

    return [
        Batch(found.times, found.rows, **found.rates(), peak_mib=found.peak)
        for found in measure(subject.package, subject.data, TIMES, repeats)
    ]
