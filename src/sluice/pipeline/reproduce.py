"""Run the stages of dvc.yaml that have changed, as a process of its own.

`dvc repro` does the same, but ends with the advice to run `dvc push` and `git add dvc.lock`,
whether or not there is anything to push or to commit. sluice itself says what is to be done.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import gates
from sluice.project import Project

if TYPE_CHECKING:
    from dvc.repo import Repo

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run every stage that can run, even if another one fails; return the exit status."""
    from dvc.repo import Repo
    from dvc.ui import ui

    ui.enable()  # DVC prints each stage before it runs it
    log = logging.getLogger("dvc")
    try:
        with Repo() as repo:
            repo.scm_context.quiet = True
            _reproduce(repo, Project(Path()))
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("")  # DVC's logger prints the error and its causes, without a traceback
        return FAILED
    return 0


def _reproduce(repo: Repo, project: Project) -> None:
    """Run all stages; what `export` makes is noted in judged.jsonl before gates count its lines.

    If the first gate could not decide, the others run too, so that one report has all advice.
    There is no package then, because that gate does not pass.
    """
    from dvc.exceptions import ReproductionError
    from dvc.ui import ui

    from sluice import judged

    before = _not_after(repo, "export")
    try:
        repo.reproduce(targets=before, on_error="keep-going")
    except ReproductionError:
        if not gates.is_undecided(project, gates.FIRST):
            raise
        ui.write(f"\n{gates.FIRST} is undecided: the other gates run too, for one report of all.")
        rest = [name for name in before if name in _after(repo, gates.FIRST)]
        repo.reproduce(targets=rest, single_item=True)
        judged.record(project)
        others = [gate for gate in gates.GATES if gate != gates.FIRST]
        repo.reproduce(targets=others, single_item=True, on_error="keep-going")
        raise
    judged.record(project)
    repo.reproduce(targets=["export"], downstream=True, on_error="keep-going")


def _not_after(repo: Repo, name: str) -> list[str]:
    """The stages that do not depend on a stage, and this stage, each after what it depends on."""
    import networkx

    after = _after(repo, name)
    order = [stage.addressing for stage in networkx.topological_sort(repo.index.graph)]
    return [each for each in reversed(order) if each not in after]


def _after(repo: Repo, name: str) -> set[str]:
    """The stages that depend on a stage."""
    import networkx

    graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
    return set(networkx.ancestors(graph, name))


if __name__ == "__main__":
    sys.exit(main())
