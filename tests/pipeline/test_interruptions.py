"""Half-written files and half-run roads: the next run gives what one run would have given."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from support.fixture_project import Toy

_PATIENCE = 600  # seconds; ends only what hangs


def _interrupt(toy: Toy, with_signal: signal.Signals, hold: Path) -> tuple[int, str]:
    """Start a build, and stop its whole process group in the middle of training."""
    command = [sys.executable, "-m", "sluice.cli", "package", "build"]
    with subprocess.Popen(
        command,
        cwd=toy.root,
        env=toy.environment(TOY_HOLD=str(hold)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Whoever runs the tests in the background has the interrupt ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        waited = time.monotonic() + _PATIENCE
        while not hold.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < waited
            time.sleep(0.1)
        os.killpg(process.pid, with_signal)
        said = process.communicate(timeout=_PATIENCE)[0]
    # DVC takes a process for alive until the system has buried it.
    while _exists(process.pid):
        assert time.monotonic() < waited
        time.sleep(0.1)
    hold.unlink()
    return process.returncode, said


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_interrupted_then_killed_then_run_again(
    toy: Toy, built: Callable[[str], Toy], tmp_path: Path
) -> None:
    shutil.rmtree(toy.root / "out")
    shutil.rmtree(toy.root / ".dvc/cache")
    hold = tmp_path / "training"
    status, said = _interrupt(toy, signal.SIGINT, hold)
    assert status == 130
    assert "Traceback" not in said
    assert "interrupted; run it again to go on from the last finished stage" in said
    assert not (toy.root / "out/candidates/linear/pipeline.skops").exists()

    # What a training that was cut off may leave behind.
    half = toy.root / "out/candidates/linear/pipeline.skops"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"half a pipeline")
    status, _ = _interrupt(toy, signal.SIGKILL, hold)
    assert status == -signal.SIGKILL
    assert toy.packages == []

    ran = toy.sluice("package", "build").went_well()
    assert "Stage 'data-quality' didn't change, skipping" in ran.out
    assert toy.package.read_bytes() == built("binary").package.read_bytes()


def _build_with_files_up_to(toy: Toy, most: int) -> tuple[int, str]:
    """A disk that is full for every file of more than `most` bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice.cli", "package", "build"],
        check=False,
        cwd=toy.root,
        env=toy.environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        timeout=_PATIENCE,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_full_disk(toy: Toy, built: Callable[[str], Toy]) -> None:
    whole = built("binary").package.read_bytes()
    # Too small for DVC's own books, then for the report too.
    for most in (130_000, 30_000):
        status, said = _build_with_files_up_to(toy, most)
        assert status != 0, said
        assert "Traceback" not in said
        assert toy.packages == []
        assert not (toy.root / "out/report/report.json").exists() or not toy.report()["releasable"]

    toy.sluice("run").went_well()
    status, said = _build_with_files_up_to(toy, len(whole) - 1)
    assert status == 2, said
    assert "Traceback" not in said
    assert "sluice: [Errno 27] File too large" in said
    assert toy.packages == []

    toy.sluice("package", "build").went_well()
    assert toy.package.read_bytes() == whole


def test_a_lock_that_dvc_was_killed_over_does_not_stop_the_next_run(toy: Toy) -> None:
    toy.write(".dvc/tmp/rwlock", '{"write": {"/some')
    toy.sluice("run").went_well()
