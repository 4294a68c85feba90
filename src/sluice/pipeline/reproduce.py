"""Run the stages of dvc.yaml that have changed, as a process of its own.

`dvc repro` does the same, but ends with the advice to run `dvc push` and `git add dvc.lock`,
whether or not there is anything to push or to commit. sluice itself says what is to be done.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dvc.repo import Repo

FAILED, INTERRUPTED = 1, 130


def main(fresh: str | None = None) -> int:
    """Run every stage that can run, even if another one fails; return the exit status.

    What the stage `export` makes is noted in judged.jsonl before the gates count its lines.
    fresh: an empty folder for the cache and the hashes of files. Then every stage runs: neither
    results of earlier runs nor hashes that the repository or the machine brings along are used.
    """
    from dvc.repo import Repo
    from dvc.ui import ui

    from sluice import judged
    from sluice.project import Project

    ui.enable()  # DVC prints each stage before it runs it
    log = logging.getLogger("dvc")
    try:
        with Repo(config=_config(fresh)) as repo:
            repo.scm_context.quiet = True
            options: dict[str, Any] = {"on_error": "keep-going", "run_cache": fresh is None}
            first = _not_after(repo, "export")
            repo.reproduce(targets=first, **options)
            if first is not None:
                judged.record(Project(Path()))
                repo.reproduce(targets=["export"], downstream=True, **options)
            _forget_removed_stages(repo)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("")  # DVC's logger prints the error and its causes, without a traceback
        return FAILED
    return 0


def _not_after(repo: Repo, name: str) -> list[str] | None:
    """The stages that do not depend on a stage, and this stage; None if it does not exist."""
    import networkx

    graph = repo.index.graph
    stage = next((each for each in graph if each.addressing == name), None)
    if stage is None:
        return None
    after = networkx.ancestors(graph, stage)
    return [each.addressing for each in graph if each not in after]


def _config(fresh: str | None) -> dict[str, Any] | None:
    if fresh is None:
        return None
    hashes = {"site_cache_dir": str(Path(fresh, "hashes"))}
    return {"core": hashes, "cache": {"dir": str(Path(fresh, "cache")), "type": ["copy"]}}


def _forget_removed_stages(repo: Repo) -> None:
    """Remove stages from dvc.lock that dvc.yaml no longer has, such as a removed candidate's.

    DVC keeps them, and a run without the lock would not write them again.
    """
    from dvc.utils.serialize import modify_yaml

    path = Path(repo.root_dir, "dvc.lock")
    if not path.is_file():
        return
    known = {stage.addressing for stage in repo.index.stages}
    with modify_yaml(str(path)) as lock:
        for name in set(lock.get("stages") or {}) - known:
            del lock["stages"][name]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
