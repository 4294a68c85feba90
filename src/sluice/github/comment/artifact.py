"""The report that CI left of a contribution: whatever is in it, its author may have written.

Nothing is unpacked to disk. What is not exactly as expected is refused, with the reason.
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
from sluice.report import facts
from sluice.report.facts import Facts

NAME = "report"

_REPORT = "report.json"
_UNREAD = ("report.md", "report.html")
_MOST_DOWNLOADED = 20 * 1024 * 1024
_MOST_READ = 8 * 1024 * 1024
_MOST_ENTRIES = 16
_ENTRY = b"PK\1\2"


class AbsentError(SluiceError):
    """CI left no report."""


def fetch(github: Pulls, run: responses.Run) -> Facts:
    """Raises AbsentError where there is none, SluiceError for one that is refused."""
    found = github.artifacts(run, NAME)
    if not found:
        done = "succeeded, but" if run.conclusion == "success" else "did not succeed and"
        raise AbsentError(f"CI {done} left none")
    # Each attempt of a run may leave one of its own, beside those of the attempts before.
    if len(found) > 1 and run.run_attempt == 1:
        raise SluiceError(f"the run has {len(found)} artifacts named {NAME!r}")
    newest = max(found, key=lambda one: one.id)
    if newest.expired:
        raise SluiceError("the run's artifact has expired")
    if newest.size_in_bytes > _MOST_DOWNLOADED:
        raise SluiceError(f"the artifact is larger than {_MOST_DOWNLOADED:,} bytes")
    return unpack(github.download(newest, _MOST_DOWNLOADED))


def unpack(content: bytes) -> Facts:
    # The library reads the whole directory of an archive before anyone can count it.
    if content.count(_ENTRY) > _MOST_ENTRIES:
        raise SluiceError("the artifact holds more files than a report has")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _entries(archive)
            if _REPORT not in entries:
                raise SluiceError(f"the artifact has no {_REPORT}")
            return facts.decode(_text(archive, entries[_REPORT]), _REPORT)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        raise SluiceError(f"the artifact is no sound zip archive: {error}") from None


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        # `filename` is what the library has made of it.
        name = entry.orig_filename
        if name not in (_REPORT, *_UNREAD):
            raise SluiceError(f"the artifact holds {name!r}, which no report has")
        if name in entries:
            raise SluiceError(f"the artifact holds {name} twice")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise SluiceError(f"the artifact's {name} is no plain file")
        if entry.flag_bits & 1:
            raise SluiceError(f"the artifact's {name} is encrypted")
        # The other methods may ask for gigabytes before they give a byte.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SluiceError(f"the artifact's {name} is packed in an unusual way")
        entries[name] = entry
    return entries


def _text(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        text = b"" if entry.file_size > _MOST_READ else file.read(_MOST_READ + 1)
    if max(len(text), entry.file_size) > _MOST_READ:
        raise SluiceError(f"the artifact's {entry.filename} is larger than {_MOST_READ:,} bytes")
    return text
