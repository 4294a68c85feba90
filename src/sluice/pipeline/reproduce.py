"""Run the stages of dvc.yaml that have changed, as a process of its own.

`dvc repro` does the same, but always ends with the advice to run `dvc push` and `git add dvc.lock`,
even if there is nothing to push or commit. sluice gives its own advice.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice import gates
from sluice.files import read_yaml
from sluice.project import Project

if TYPE_CHECKING:
    from dvc.repo import Repo
    from networkx import DiGraph

FAILED, INTERRUPTED = 1, 130


def main(fresh: str | None = None) -> int:
    """Run every stage that can run, even if another one fails; return the exit status.

    fresh: an empty folder for the cache and the hashes of files. With such a folder every stage
    runs: no results of earlier runs and no stored hashes are used.
    """
    from dvc.repo import Repo
    from dvc.ui import ui

    ui.enable()  # DVC prints each stage before it runs it
    log = logging.getLogger("dvc")
    try:
        with Repo(config=_config(fresh)) as repo:
            repo.scm_context.quiet = True
            # Asked once, because DVC parses dvc.yaml and dvc.lock again for every question.
            graph = _named(repo)
            _reproduce(repo, graph, Project(Path()), run_cache=fresh is None)
            _forget_removed_stages(Path(repo.root_dir, "dvc.lock"), set(graph))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("")  # DVC's logger prints the error and its causes, without a traceback
        return FAILED
    return 0


def _named(repo: Repo) -> DiGraph:
    """The graph of the stages by their names; each points at those that it depends on."""
    import networkx

    return networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)


def _reproduce(repo: Repo, graph: DiGraph, project: Project, *, run_cache: bool) -> None:
    """Run all stages; the model of `export` is recorded in judged.jsonl before the gates read it.

    If the first gate is `insufficient`, the others run anyway, so that one report has all advice.
    In that case there is no package, because the first gate does not pass.
    """
    import networkx
    from dvc.exceptions import ReproductionError
    from dvc.ui import ui

    from sluice import judged

    options: dict[str, Any] = {"on_error": "keep-going", "run_cache": run_cache}
    if "export" not in graph:
        repo.reproduce(**options)
        return
    try:
        repo.reproduce(targets=["export"], **options)
    except ReproductionError:
        if not gates.is_undecided(project, gates.FIRST):
            raise
        ui.write(
            f"\n{gates.FIRST} is 'insufficient': the other gates run anyway, so that one report "
            "shows all findings."
        )
        needed = networkx.descendants(graph, "export") | {"export"}
        blocked = graph.subgraph(needed & networkx.ancestors(graph, gates.FIRST))
        in_order = list(networkx.topological_sort(blocked))[::-1]
        repo.reproduce(targets=in_order, single_item=True, run_cache=run_cache)
        judged.record(project)
        others = [gate for gate in gates.GATES if gate != gates.FIRST]
        repo.reproduce(targets=others, single_item=True, **options)
        raise
    judged.record(project)
    repo.reproduce(targets=["export"], downstream=True, **options)


def _config(fresh: str | None) -> dict[str, Any] | None:
    if fresh is None:
        return None
    hashes = {"site_cache_dir": str(Path(fresh, "hashes"))}
    return {"core": hashes, "cache": {"dir": str(Path(fresh, "cache")), "type": ["copy"]}}


def _forget_removed_stages(path: Path, known: set[str]) -> None:
    """Remove stages from dvc.lock that dvc.yaml no longer has, such as a removed candidate's.

    DVC keeps them, but a run without the lock would not write them.
    """
    from dvc.utils.serialize import modify_yaml

    if not path.is_file() or not set(read_yaml(path).get("stages") or {}) - known:
        return
    with modify_yaml(str(path)) as lock:
        for name in set(lock["stages"]) - known:
            del lock["stages"][name]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
