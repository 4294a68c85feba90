"""After an interruption, the next run gives the same package as a run without one."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from sluice.files import read_yaml
from support.fixture_project import Toy

_TIMEOUT = 600  # seconds; reached only if a process hangs


def _interrupt(toy: Toy, with_signal: signal.Signals) -> tuple[int, str]:
    """Start a build, and send a signal to its process group while a candidate is trained."""
    command = [sys.executable, "-m", "sluice.cli", "package", "build"]
    with subprocess.Popen(
        command,
        cwd=toy.root,
        env=toy.environment(USECASE_HOLD="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell makes its background processes ignore SIGINT, and the tests may be one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        waited = time.monotonic() + _TIMEOUT
        before = ""
        while "usecase: training is held\n" not in before:
            line = process.stdout.readline() if process.stdout else ""
            assert line, before
            before += line
        os.killpg(process.pid, with_signal)
        said = before + process.communicate(timeout=_TIMEOUT)[0]
    # DVC considers a process alive until the system has removed it.
    while _exists(process.pid):
        assert time.monotonic() < waited
        time.sleep(0.1)
    return process.returncode, said


def _forget_from_split_on(toy: Toy) -> None:
    """Delete the results of all stages but the first, and what DVC has cached of them."""
    shutil.rmtree(toy.root / ".dvc/cache/runs")
    for name, stage in read_yaml(toy.root / "dvc.lock")["stages"].items():
        for out in () if name == "data-quality" else stage["outs"]:
            path, md5 = toy.root / out["path"], out["md5"]
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            (toy.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink(missing_ok=True)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_build_after_an_interrupted_and_a_killed_one(
    toy: Toy, built: Callable[[str], Toy]
) -> None:
    _forget_from_split_on(toy)
    status, said = _interrupt(toy, signal.SIGINT)
    assert status == 130
    assert "Traceback" not in said
    assert "interrupted: run it again to continue after the last finished stage" in said
    assert not (toy.root / "out/candidates/linear/pipeline.skops").exists()

    # A file that an interrupted training may leave behind.
    half = toy.root / "out/candidates/linear/pipeline.skops"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"half a pipeline")
    status, _ = _interrupt(toy, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert toy.packages == []

    ran = toy.sluice("package", "build").went_well()
    assert "Stage 'split' didn't change, skipping" in ran.out
    assert toy.package.read_bytes() == built("binary").package.read_bytes()


def _build_with_files_up_to(toy: Toy, most: int) -> tuple[int, str]:
    """Build while no file can be larger than `most` bytes, as on a full disk."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice.cli", "package", "build"],
        check=False,
        cwd=toy.root,
        env=toy.environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        timeout=_TIMEOUT,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_build_on_a_full_disk_leaves_no_package(toy: Toy, built: Callable[[str], Toy]) -> None:
    whole = built("binary").package.read_bytes()
    # The first limit is too small for DVC's own files, the second for the report too.
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


def test_a_damaged_lock_file_of_dvc_does_not_stop_the_next_run(toy: Toy) -> None:
    toy.write(".dvc/tmp/rwlock", '{"write": {"/some')
    toy.sluice("run").went_well()
