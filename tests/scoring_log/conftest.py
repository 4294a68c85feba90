"""A segment that the tests of the scoring log share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.scoring_log.writer import LogWriter
from support.scoring_log import NEVER, header, record


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A closed segment of five records, alone in its folder."""
    folder = tmp_path / "log"
    folder.mkdir()
    writer = LogWriter(folder, header(), NEVER)
    writer.write([record(0), record(1)])
    writer.write([record(2), record(3), record(4)])
    writer.close()
    return folder
