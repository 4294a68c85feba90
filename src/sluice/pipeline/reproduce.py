"""Run the stages of dvc.yaml that have changed, as a process of its own.

`dvc repro` does the same, but ends with the advice to run `dvc push` and `git add dvc.lock`,
whether or not there is anything to push or to commit. sluice itself says what is to be done.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Run every stage that can run, even if another one fails; return the exit status.

    What the stage `export` makes is noted in judged.jsonl before the gates count its lines.
    """
    from dvc.repo import Repo
    from dvc.ui import ui

    from sluice import judged
    from sluice.project import Project

    ui.enable()  # DVC prints each stage before it runs it
    log = logging.getLogger("dvc")
    try:
        with Repo() as repo:
            repo.scm_context.quiet = True
            repo.reproduce(targets=_not_after(repo, "export"), on_error="keep-going")
            judged.record(Project(Path()))
            repo.reproduce(targets=["export"], downstream=True, on_error="keep-going")
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("")  # DVC's logger prints the error and its causes, without a traceback
        return FAILED
    return 0


def _not_after(repo: Repo, name: str) -> list[str]:
    """The stages that do not depend on a stage, and this stage."""
    import networkx

    graph = repo.index.graph
    (stage,) = (each for each in graph if each.addressing == name)
    after = networkx.ancestors(graph, stage)
    return [each.addressing for each in graph if each not in after]


if __name__ == "__main__":
    sys.exit(main())
