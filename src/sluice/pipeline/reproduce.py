"""Run the stages of dvc.yaml that have changed, as a process of its own.

`dvc repro` does the same, but ends with the advice to run `dvc push` and `git add dvc.lock`,
whether or not there is anything to push or to commit. sluice itself says what is to be done.
"""

from __future__ import annotations

import logging
import sys

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
            repo.reproduce(on_error="keep-going")
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        log.exception("")  # DVC's logger prints the error and its causes, without a traceback
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
