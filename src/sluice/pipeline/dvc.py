"""DVC as a process, and which stages it considers outdated."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import sluice
from sluice import files
from sluice.errors import SluiceError
from sluice.files import parse_yaml, read_yaml

# -P: Python must not import a dvc.py of the project instead of DVC.
_MODULE = (sys.executable, "-P", "-m")
_COMMAND = (*_MODULE, "dvc")


def run(root: Path, *arguments: str) -> int:
    """Run DVC and show its output; return its exit status."""
    return _run(root, *_COMMAND, *arguments)


def reproduce(root: Path) -> bool:
    """Run the stages that have changed, and show their output; return whether all succeeded."""
    return _run(root, *_MODULE, "sluice.pipeline.reproduce") == 0


def reproduce_everything(root: Path) -> bool:
    """Run every stage with a temporary cache; return whether all succeeded.

    No cached result of the repository, an earlier run or the machine can replace a run.
    """
    with TemporaryDirectory(prefix="sluice-cache-") as fresh:
        return _run(root, *_MODULE, "sluice.pipeline.reproduce", fresh) == 0


def _run(root: Path, *command: str) -> int:
    """Run a command with this environment's commands first on the path."""
    with subprocess.Popen(command, cwd=root, env=_environment()) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            _kill_with_children(process)
            raise


def _environment() -> dict[str, str]:
    """The environment of DVC and its stages, in which Python imports only what is installed.

    The path of the running code is kept, wherever it was set.
    """
    here = str(Path(sys.executable).parent)
    path = os.pathsep.join([here, os.environ.get("PATH", "")])
    own = Path(sluice.__file__).resolve().parent.parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(own) in named:
        kept["PYTHONPATH"] = str(own)
    return {**kept, "PATH": path, "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}


def ask(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC without showing its output; return its exit status and output."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )


def reproduce_without_lock(root: Path, reproduce: Callable[[], bool]) -> bool:
    """Call `reproduce` while dvc.lock is set aside; return what it returns.

    DVC skips a stage if dvc.lock says that it has run, and a commit can claim that for any stage.
    The committed dvc.lock is restored afterwards, unless `reproduce` succeeds with another one.
    """
    lock = root / "dvc.lock"
    committed = lock.read_bytes() if lock.is_file() else None
    lock.unlink(missing_ok=True)
    stale = False
    try:
        done = reproduce()
        # dvc.lock is compared as data, because DVC orders its keys like params.yaml, and the order
        # has no meaning.
        stale = done and (committed is None or parse_yaml(committed, lock.name) != read_yaml(lock))
    finally:
        if committed is not None and not stale:
            files.write(lock, committed)
    return done


@contextlib.contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Lock the project's folder, because a second run would delete files that the first one needs.

    Raises SluiceError if another run has locked it.
    """
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SluiceError(
                "another sluice command is running in this folder: wait until it has ended"
            ) from None
        _remove_damaged_lock(root / ".dvc" / "tmp" / "rwlock")
        yield
    finally:
        os.close(folder)


def _remove_damaged_lock(path: Path) -> None:
    """Remove DVC's own lock file if a killed process left it damaged: DVC would refuse to run."""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        pass
    except ValueError:
        path.unlink()


def _kill_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill DVC and the stage that it runs; if only the stage ended, DVC would start the next."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # so that it starts no other stage in the meantime
        for member in [*parent.children(recursive=True), parent]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()


def outdated_stages(root: Path, *, apart: Collection[str] = ()) -> set[str]:
    """Return the stages whose results are not those of their inputs, and all that depend on them.

    apart: stages whose own state is ignored. A stage is not outdated because its results are
    missing in the cache: a locked run does not put them there.
    """
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
            outputs = {stage.addressing: stage.outs for stage in repo.index.stages}
            changed = {
                name
                for name, reasons in repo.status().items()
                if name not in apart
                and (
                    any("changed outs" not in reason for reason in reasons)
                    or any(output.workspace_status() for output in outputs[name])
                )
            }
    except DvcException as error:
        raise SluiceError(f"DVC cannot report its status: {' '.join(str(error).split())}") from None
    return changed.union(*(networkx.ancestors(graph, name) for name in changed & set(graph)))
