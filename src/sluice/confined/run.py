"""Start a task of the use case with the files that it may read, and accept only data from it."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import msgspec
import numpy as np

import sluice
from sluice import files, text
from sluice.confined import kernel
from sluice.errors import SluiceError

SOURCE, ERROR = "usecase", "error.txt"
# Set by `--unconfined`, for the stages that DVC starts.
UNCONFINED = "SLUICE_UNCONFINED"
OWN_VARIABLES = "USECASE_"
_TASKS = "sluice.guest"
_MOST_BYTES = 2 * 2**30
# sluice is loaded by its path, so that no neighbouring module is importable. `__file__` is set
# because great-expectations imports PySpark, which exits if the main program has no file.
_START = """\
import importlib.util, sys
__file__ = sys.argv[1]
spec = importlib.util.spec_from_file_location("sluice", sys.argv[1] + "/__init__.py")
sys.modules["sluice"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from sluice.confined.supervisor import main
sys.exit(main(sys.argv[2]))
"""
_LONGEST_ERROR, _LONGEST_LINE, _MOST_LINES = 4_000, 65_536, 1_000
_KEPT = ("LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/localtime"),
    *("/etc/alternatives", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system/cpu"),
)


@dataclass(frozen=True)
class Results:
    """The folder that a task wrote, after every process of it has ended. No file in the folder is
    trusted.

    Each method raises SluiceError for a file that is missing, too large, or of another form.
    """

    folder: Path
    task: str
    confined: bool

    def read(self, name: str) -> bytes:
        """The content of a plain file; a link, a pipe or a folder is refused."""
        try:
            handle = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise self._wrong(name, error.strerror or "is missing") from None
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
            os.close(handle)
            raise self._wrong(name, f"is not a plain file of at most {_MOST_BYTES:,} bytes")
        with open(handle, "rb") as stream:
            return stream.read(_MOST_BYTES)

    def json(self, name: str, kind: Any) -> Any:
        """The content of a JSON file of this type."""
        try:
            return files.decode_json(self.read(name), kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._wrong(name, str(error)) from None

    def array(self, name: str, rows: int) -> np.ndarray:
        """An array of float64 with this many rows, of one or two dimensions."""
        try:
            array = np.load(io.BytesIO(self.read(name)), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise self._wrong(name, str(error)) from None
        fits = array.dtype == np.float64 and array.ndim in (1, 2) and len(array) == rows
        if not fits:
            raise self._wrong(name, f"expected {rows:,} rows of float64, found {array.shape}")
        return array

    def _wrong(self, name: str, why: str) -> SluiceError:
        return SluiceError(f"the code in src/usecase wrote no valid {name} ({self.task}): {why}")


@contextmanager
def run(
    root: Path,
    task: str,
    *arguments: str,
    give: Callable[[Path], None] = lambda folder: None,
    keep: Path | None = None,
) -> Iterator[Results]:
    """Run a task of `sluice.guest`, and yield its results.

    root: the project's folder. give: writes the task's inputs into a folder. keep: a folder to
    which the task may also write, and which remains after an interruption. The path of `keep` is
    the last argument of the task. Raises SluiceError with the reason that the task gave, or if it
    cannot be confined here.
    """
    confined = require()
    with TemporaryDirectory(prefix="sluice-usecase-") as scratch:
        inputs, outputs = Path(scratch, "in").resolve(), Path(scratch, "out").resolve()
        inputs.mkdir()
        outputs.mkdir()
        _copy_source(root / "src" / SOURCE, inputs / SOURCE)
        give(inputs)
        kept = [] if keep is None else [keep.resolve()]
        plan = {
            "task": f"{_TASKS}.{task}",
            "arguments": [*arguments, *map(str, kept)],
            "inputs": str(inputs),
            "confined": confined,
            "read": [str(path) for path in (*_libraries(), inputs)],
            "write": [str(outputs), *map(str, kept)],
        }
        status, said = _start(plan, outputs)
        results = Results(outputs, task, confined)
        if status:
            raise SluiceError(_reason(results, status, said))
        yield results


def require() -> bool:
    """Whether tasks are confined; SluiceError if they cannot be, unless --unconfined is set."""
    lacking = kernel.lacking()
    if os.environ.get(UNCONFINED) == "1":
        return False
    if lacking:
        raise SluiceError(
            f"the code in src/usecase cannot be confined here: {lacking}. Use a machine that can, "
            "such as a dev container; or run it with --unconfined, and then the package cannot be "
            "released"
        )
    return True


def _libraries() -> list[Path]:
    """Python, its libraries and sluice, which may be installed from the project's own folder."""
    own = Path(sluice.__file__).resolve().parent
    python = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    return [*map(Path, _SYSTEM), *sorted(python - {Path("/")}), own]


def _copy_source(source: Path, target: Path) -> None:
    """Copy the use case's code; refuse links, which could lead to files that it must not read."""
    if source.is_symlink() or not source.is_dir():
        raise SluiceError(f"src/{SOURCE} is not a plain folder")
    for folder, inner, names in os.walk(source):
        inner[:] = sorted(name for name in inner if name != "__pycache__")
        place = target / Path(folder).relative_to(source)
        place.mkdir()
        for name in (*inner, *names):
            path = Path(folder, name)
            kind = path.lstat().st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                where = path.relative_to(source.parent.parent)
                raise SluiceError(f"{where} is not a plain file or folder: remove it")
            if stat.S_ISREG(kind):
                if path.suffix == ".py":
                    files.require_merged(
                        path.read_bytes(), f"src/{path.relative_to(source.parent)}"
                    )
                shutil.copyfile(path, place / name)


def _environment(outputs: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    kept |= {k: v for k, v in os.environ.items() if k.startswith(OWN_VARIABLES)}
    home = {"HOME": str(outputs), "TMPDIR": str(outputs), "PATH": "/usr/bin:/bin"}
    return {**kept, **home, "GX_ANALYTICS_ENABLED": "false"}


def _start(plan: Mapping[str, Any], outputs: Path) -> tuple[int, str]:
    """Run the supervisor and show what the task prints; returns its status and its last line."""
    own = str(Path(sluice.__file__).resolve().parent)
    with subprocess.Popen(
        [sys.executable, "-I", "-W", "ignore", "-c", _START, own, json.dumps(plan)],
        cwd=outputs,
        env=_environment(outputs),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C goes to this process alone
    ) as process:
        try:
            last = _show(lines_of(process.stdout))
            return process.wait(), last
        except BaseException:
            process.kill()
            raise


def lines_of(output: IO[bytes] | None) -> Iterator[bytes]:
    """The lines that a task prints; very long ones are cut."""
    return iter(partial(output.readline, _LONGEST_LINE), b"") if output else iter(())


def _show(lines: Iterable[bytes]) -> str:
    """Print a task's output so that a workflow runner takes no line for a command."""
    last = ""
    for number, line in enumerate(lines):
        last = text.clip(text.one_line(line.decode("utf-8", "replace")), 400) or last
        if number < _MOST_LINES:
            sys.stdout.write(f"usecase: {last}\n")
            sys.stdout.flush()
    return last


def _reason(results: Results, status: int, said: str) -> str:
    """Why a task failed: the reason that it wrote, or else the last line that it printed."""
    try:
        why = results.read(ERROR).decode("utf-8", "replace")
    except SluiceError:
        why = said or "it gave no reason"
        why = f"the code in src/usecase ended with status {status} ({results.task}): {why}"
    return text.clip(" ".join(why.split()), _LONGEST_ERROR)
