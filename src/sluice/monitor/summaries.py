"""The summaries of all files of a log: from the cache, or made by several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from sluice.errors import SluiceError
from sluice.monitor import log_files
from sluice.monitor.cache import Cache
from sluice.monitor.log_files import LogFile
from sluice.monitor.summary import FileSummary, summarize
from sluice.sketch.reference import Reference

# Starting processes takes longer than reading this many bytes.
_SMALL = 16_000_000


def of_log(
    given: str, reference: Reference, cache: Path | None, master: str | None = None
) -> list[FileSummary]:
    """A summary for each file, in the order of their names.

    given: a folder, a glob pattern, a file or a URL. cache: the folder for summaries. master: the
    URL of a Spark cluster that makes them; None uses this machine. Raises SluiceError if there is
    nothing of that name.
    """
    found = log_files.find(given)
    kept = Cache(cache, given, reference)
    made = {file.name: summary for file in found if (summary := kept.find(file))}
    new = [file for file in found if file.name not in made]
    for file, found_in in zip(new, _make(new, reference, master), strict=True):
        summary = _again_if_converted(file, found_in, reference)
        kept.keep(file, summary)
        made[file.name] = summary
    kept.write()
    return [made[file.name] for file in found]


def _make(files: list[LogFile], reference: Reference, master: str | None) -> Iterator[FileSummary]:
    from tqdm import tqdm

    if master is not None and files:
        from sluice.monitor import on_spark

        yield from on_spark.make(files, reference, master)
        return

    sizes = sum(file.bytes for file in files)
    several = len(files) > 1 and sizes > _SMALL and (os.cpu_count() or 1) > 1
    made = _in_processes(files, reference) if several else (summarize(f, reference) for f in files)
    yield from tqdm(made, "log files", len(files), leave=False, disable=None)


def _in_processes(files: list[LogFile], reference: Reference) -> Iterable[FileSummary]:
    workers = min(len(files), os.cpu_count() or 1)
    # A fork of a process with threads, which Arrow has, may hang.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, context, _remember, (reference,)) as pool:
            yield from pool.map(_summarize, files, chunksize=4)
    except BrokenProcessPool:
        raise SluiceError(
            "a process that read the log was killed, perhaps for lack of memory"
        ) from None


_reference: list[Reference] = []


def _remember(reference: Reference) -> None:
    _reference[:] = [reference]


def _summarize(file: LogFile) -> FileSummary:
    return summarize(file, _reference[0])


def _again_if_converted(file: LogFile, summary: FileSummary, reference: Reference) -> FileSummary:
    """A segment that was converted after the files were listed is read as Parquet."""
    parquet = Path(file.place).with_suffix(".parquet")
    if file.segment and not Path(file.place).exists() and parquet.exists():
        again = LogFile(str(parquet), file.name, 0, 0.0)
        return summarize(again, reference)
    return summary
