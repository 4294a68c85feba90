"""The report that CI uploaded for a contribution; the contribution's author controls its content.

Nothing is unpacked to disk. An artifact that is not exactly as expected is refused with a reason.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

from sluice.errors import SluiceError
from sluice.github.api import responses
from sluice.github.api.pulls import Pulls
from sluice.report import record
from sluice.report.record import Report

NAME = "report"

_REPORT = "report.json"
_IGNORED = ("report.md", "report.html")
_MOST_DOWNLOADED = 20 * 1024 * 1024
_MOST_READ = 8 * 1024 * 1024
_MOST_ENTRIES = 16
_ENTRY = b"PK\1\2"


class AbsentError(SluiceError):
    """CI uploaded no report."""


def fetch(github: Pulls, run: responses.Run) -> Report:
    """The report of a run. Raises AbsentError if it has none, SluiceError if it is refused."""
    found = github.artifacts(run, NAME)
    if not found:
        succeeded = run.conclusion == "success"
        result = "succeeded, but" if succeeded else "did not succeed and"
        raise AbsentError(f"CI {result} uploaded none")
    # Each attempt of a run can upload an artifact; those of earlier attempts remain.
    if len(found) > 1 and run.run_attempt == 1:
        raise SluiceError(f"the run has {len(found)} artifacts named {NAME!r}, expected one")
    newest = max(found, key=lambda one: one.id)
    if newest.expired:
        raise SluiceError("the run's artifact has expired; run CI again")
    if newest.size_in_bytes > _MOST_DOWNLOADED:
        raise SluiceError(f"the artifact is larger than {_MOST_DOWNLOADED:,} bytes")
    return unpack(github.download(newest, _MOST_DOWNLOADED))


def unpack(content: bytes) -> Report:
    """The report in a zip archive. Raises SluiceError for an archive that is not as expected."""
    # The library reads the whole directory of an archive before its entries can be counted.
    if content.count(_ENTRY) > _MOST_ENTRIES:
        raise SluiceError("the artifact has more files than a report")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _entries(archive)
            if _REPORT not in entries:
                raise SluiceError(f"the artifact has no {_REPORT}")
            return record.decode(_content(archive, entries[_REPORT]), _REPORT)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise SluiceError(f"the artifact is not a valid zip archive: {error}") from None


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        # `filename` is the name after the library has changed it.
        name = entry.orig_filename
        if name not in (_REPORT, *_IGNORED):
            raise SluiceError(f"the artifact has a file {name!r}, which is not part of a report")
        if name in entries:
            raise SluiceError(f"the artifact has {name} twice")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise SluiceError(f"the artifact's {name} is not a regular file")
        if entry.flag_bits & 1:
            raise SluiceError(f"the artifact's {name} is encrypted")
        # Other methods can allocate gigabytes before they return a byte.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SluiceError(f"the artifact's {name} is compressed in an unusual way")
        entries[name] = entry
    return entries


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        content = b"" if entry.file_size > _MOST_READ else file.read(_MOST_READ + 1)
    if max(len(content), entry.file_size) > _MOST_READ:
        raise SluiceError(f"the artifact's {entry.filename} is larger than {_MOST_READ:,} bytes")
    return content
