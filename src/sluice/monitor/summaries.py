"""The summaries of all files of a log: from the cache, or made by several threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sluice.monitor import log_files, repeats
from sluice.monitor.cache import Cache
from sluice.monitor.log_files import LogFile
from sluice.monitor.summary import FileSummary, summarize
from sluice.sketch.reference import Reference


def of_log(
    given: str, reference: Reference, cache: Path | None, master: str | None = None
) -> list[FileSummary]:
    """A summary for each file, in the order of their names.

    given: a folder, a glob pattern, a file or a URL. cache: the folder for summaries. master: the
    URL of a Spark cluster that makes them; None uses this machine. Raises SluiceError if there is
    no file, folder or URL of that name.
    """
    found = log_files.find(given)
    kept = Cache(cache, given, reference)
    made = _of_files(found, kept, reference, master)
    partly = repeats.find(found, [made[file.name] for file in found], kept)
    made |= _of_files(partly, kept, reference, master)
    kept.write()
    return [made[file.name] for file in found]


def _of_files(
    found: list[LogFile], kept: Cache, reference: Reference, master: str | None
) -> dict[str, FileSummary]:
    """The summary of each file by its name."""
    made = {file.name: summary for file in found if (summary := kept.find(file))}
    new = [file for file in found if file.name not in made]
    for file, found_in in zip(new, _make(new, reference, master), strict=True):
        summary = _again_if_converted(file, found_in, reference)
        kept.keep(file, summary)
        made[file.name] = summary
    return made


def _make(files: list[LogFile], reference: Reference, master: str | None) -> Iterator[FileSummary]:
    from tqdm import tqdm

    if master is not None and files:
        from sluice.monitor import on_spark

        yield from on_spark.make(files, reference, master)
        return

    # Arrow and NumPy work in parallel in threads, and processes would have to import both again.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(lambda file: summarize(file, reference), files)
        yield from tqdm(made, "log files", len(files), leave=False, disable=None)


def _again_if_converted(file: LogFile, summary: FileSummary, reference: Reference) -> FileSummary:
    """A segment that was converted after the files were listed is read as Parquet."""
    parquet = Path(file.place).with_suffix(".parquet")
    if file.segment and not Path(file.place).exists() and parquet.exists():
        again = replace(file, place=str(parquet), bytes=0, seconds=0.0)
        return summarize(again, reference)
    return summary
