"""Fit the models of segments on a Spark cluster, and then train the candidate with them.

The workers run no code of the use case. That code encodes the rows in a confined process on this
machine, and names one of scikit-learn's models.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sluice.confined.run import Results
from sluice.confined.run import run as run_confined
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.serve.batch import spark_session
from sluice.train import candidate, segment_work, unfinished_training
from sluice.train.segment_progress import Fitted, Progress
from sluice.train.segment_work import Work

if TYPE_CHECKING:
    from pyspark import SparkContext

# Set by `--engine spark`, for the stages that DVC starts: the URL of Spark's master.
MASTER = "SLUICE_SPARK_MASTER"
_AHEAD = 2  # groups for each core, so that no core waits for the next one
_MOST_THREADS = 1_000
_ONE_THREAD = {f"spark.executorEnv.{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def run(project: Project, name: str, master: str) -> None:
    """Train the candidate. master: the URL of Spark's master.

    Raises SluiceError if the project has no segments, if the cluster cannot be reached, or for any
    other error of Spark.
    """
    if project.settings.data.segments is None:
        raise SluiceError(
            "--engine spark trains models of segments, but params.yaml has no data.segments"
        )
    spark_session.require_reachable(master)
    progress = Progress(unfinished_training.folder(project, name))
    finished = json.dumps(sorted(progress.finished()))

    def give(folder: Path) -> None:
        shutil.copyfile(project.root / "params.yaml", folder / "params.yaml")
        shutil.copyfile(project.split("train"), folder / "train.parquet")

    with run_confined(project.root, "segments", name, finished, give=give) as results:
        work = results.json("work.json", Work)
        progress.begin(work.total)
        progress.kept = work.total - sum(map(len, work.sizes.values()))
        progress.resume()
        if work.sizes:
            _fit(work, results, progress, master)
    candidate.run(project, name)


def _fit(work: Work, results: Results, progress: Progress, master: str) -> None:
    """Fit the missing groups, and keep each one as soon as it is finished."""
    with (
        TemporaryDirectory(prefix="sluice-") as scratch,
        spark_session.opened(master, Path(scratch), "sluice train", _ONE_THREAD) as spark,
    ):
        context = spark.sparkContext
        for at, models in _in_parallel(work, context, partial(_group, work, results, context)):
            progress.save(at, models)


def _group(work: Work, results: Results, context: SparkContext, at: int) -> list[Fitted]:
    """The models of one group, which is a job of its own. The rows of the group are a broadcast
    variable, because Spark limits the size of a task.
    """
    rows = results.array(f"{at}.npy", sum(work.sizes[at]))
    shipped = context.broadcast(rows.tobytes())
    try:
        given = context.parallelize([at], 1)
        [models] = given.map(lambda group: segment_work.fit(work, group, shipped.value)).collect()
    finally:
        shipped.destroy()
    return models


def _in_parallel(
    work: Work, context: SparkContext, fit: Callable[[int], list[Fitted]]
) -> Iterator[tuple[int, list[Fitted]]]:
    """Each group with its models, in the order in which they are finished.

    Only as many groups are under way as the cluster needs, because their rows are in memory.
    """
    waiting = list(work.sizes)[::-1]
    running: dict[Future[list[Fitted]], int] = {}
    with ThreadPoolExecutor(_MOST_THREADS) as threads:
        try:
            while waiting or running:
                # The number of cores is read again each time, because workers may join.
                most = min(_MOST_THREADS, _AHEAD * context.defaultParallelism)
                while waiting and len(running) < most:
                    at = waiting.pop()
                    running[threads.submit(fit, at)] = at
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            context.cancelAllJobs()  # after a failure, the threads would wait for the others
