"""Summaries of log files on a Spark cluster: the same function, on many machines.

The driver and all workers must be able to read the files under the same path or URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from sluice.monitor.log_files import LogFile
from sluice.monitor.summary import FileSummary, summarize
from sluice.serve.batch import spark_session
from sluice.sketch import reference as sketch
from sluice.sketch.reference import Reference

_FILES_OF_A_CORE = 4  # tasks for each core, so that a slow file delays only a few others


def make(files: list[LogFile], reference: Reference, master: str) -> list[FileSummary]:
    """A summary of each file, in their order. master: the URL of Spark's master.

    Raises SluiceError if the cluster cannot be reached, or for any other error of Spark.
    """
    spark_session.require_reachable(master)
    with (
        TemporaryDirectory(prefix="sluice-") as scratch,
        spark_session.opened(master, Path(scratch), "sluice monitor", {}) as spark,
    ):
        context = spark.sparkContext
        tasks = min(len(files), _FILES_OF_A_CORE * context.defaultParallelism)
        given = context.parallelize([msgspec.json.encode(file) for file in files], tasks)
        made = given.mapPartitions(_work(sketch.encode(reference))).collect()
    return [msgspec.json.decode(one, type=FileSummary) for one in made]


def _work(encoded: bytes) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
    """What a worker does with its files; input and output are JSON."""

    def run(files: Iterable[bytes]) -> Iterator[bytes]:
        reference = sketch.decode(encoded, "the reference")
        for file in files:
            known = msgspec.json.decode(file, type=LogFile)
            yield msgspec.json.encode(summarize(known, reference))

    return run
