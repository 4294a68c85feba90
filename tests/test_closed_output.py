"""A command whose output is closed ends silently, with the status that shells expect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sluice.cli import main
from sluice.scoring_log.record import LoggedColumn, LogRecord, SegmentHeader
from sluice.scoring_log.writer import LogWriter, Rotation

_COMMAND = [sys.executable, "-m", "sluice.cli"]


def _log(folder: Path, records: int) -> Path:
    header = SegmentHeader(
        "p", "v", "d", "h", "i", "binary", ("no", "yes"), (LoggedColumn("a", "number"),)
    )
    folder.mkdir()
    writer = LogWriter(folder, header, Rotation(2**40, 1e9, 1e9))
    writer.write(
        [LogRecord(row, "request", row, None, [1.5], 0.5, "no", 0.1) for row in range(records)]
    )
    writer.close()
    return folder


def _until_closed(read: int, *arguments: str) -> tuple[int, bytes]:
    """Run a command, and close its output after this many bytes; returns the status and the error
    output.
    """
    process = subprocess.Popen(
        [*_COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert len(process.stdout.read(read)) == read
    process.stdout.close()
    errors = process.stderr.read()
    return process.wait(60), errors


@pytest.mark.parametrize("read", [0, 10])
def test_a_long_output_ends_quietly(read: int, tmp_path: Path) -> None:
    log = _log(tmp_path / "log", 20_000)
    assert _until_closed(read, "log", "show", str(log)) == (141, b"")


def test_a_short_output_ends_quietly() -> None:
    assert _until_closed(0, "--help") == (141, b"")


def test_a_wrong_option_keeps_its_status_when_nobody_reads_it() -> None:
    process = subprocess.Popen([*_COMMAND, "score"], stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(60) == 2


def test_the_whole_output_has_status_0(tmp_path: Path) -> None:
    log = _log(tmp_path / "log", 3)
    done = subprocess.run([*_COMMAND, "log", "show", str(log)], capture_output=True, check=True)
    assert [msgspec.json.decode(line)["row"] for line in done.stdout.splitlines()] == [0, 1, 2]


def test_a_broken_pipe_to_another_process_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(folder: Path) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sluice.scoring_log.reader.read", broken)
    assert main(["log", "show", "folder"]) == 2
    assert "Broken pipe" in capsys.readouterr().err
