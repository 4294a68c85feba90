"""DVC as a process, and what it holds to be up to date."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sluice import files
from sluice.errors import SluiceError
from sluice.files import parse_yaml, read_yaml


def run(root: Path, *arguments: str) -> int:
    """Run DVC with this environment's commands first on the path; returns its exit status."""
    here = str(Path(sys.executable).parent)
    path = os.pathsep.join([here, os.environ.get("PATH", "")])
    # -P: a dvc.py in the project must not be taken for DVC.
    command = [sys.executable, "-P", "-m", "dvc", *arguments]
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(command, cwd=root, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise


def anew(root: Path, reproduced: Callable[[], bool]) -> bool:
    """Run without what is committed as dvc.lock, which comes back unless it proves stale.

    DVC takes an entry there for a run that was, and a commit can claim any. What real
    runs gave is in DVC's run cache, so unchanged stages are not run again.
    """
    lock = root / "dvc.lock"
    claimed = lock.read_bytes() if lock.is_file() else None
    lock.unlink(missing_ok=True)
    stale = False
    try:
        done = reproduced()
        # As data: DVC spells keys in the order of params.yaml, and else takes no notice of it.
        stale = done and (claimed is None or parse_yaml(claimed, lock.name) != read_yaml(lock))
    finally:
        if claimed is not None and not stale:
            files.write(lock, claimed)
    return done


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the folder: a second run in it would take away what the first goes by."""
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SluiceError(
                "another run is at work in this folder: wait until it has ended"
            ) from None
        _drop_torn_lock(root / ".dvc" / "tmp" / "rwlock")
        yield
    finally:
        os.close(folder)


def _drop_torn_lock(path: Path) -> None:
    """DVC stops for good at its own lock file if it was killed while it wrote that."""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        pass
    except ValueError:
        path.unlink()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End DVC and its stage: DVC itself would only go on with the next one."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # or it starts a stage after its children were counted
        for member in [*parent.children(recursive=True), parent]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()


def unconfirmed(root: Path) -> set[str]:
    """The stages that DVC would run again, and all that hang on them."""
    import networkx
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
            changed = set(repo.status())
    except DvcException as error:
        raise SluiceError(f"DVC: {' '.join(str(error).split())}") from None
    return changed.union(*(networkx.ancestors(graph, name) for name in changed & set(graph)))
