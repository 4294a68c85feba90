"""DVC as a process, and what it holds to be up to date."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path


def run(root: Path, *arguments: str) -> int:
    """Run DVC with this environment's commands first on the path; returns its exit status."""
    here = str(Path(sys.executable).parent)
    path = os.pathsep.join([here, os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(command, cwd=root, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise


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
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
        changed = set(repo.status())
    return changed.union(*(networkx.ancestors(graph, name) for name in changed & set(graph)))
