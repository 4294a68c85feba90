"""Exit with 0 only if every job that this one needs has run and succeeded.

GitHub counts a skipped required job as passed, so main requires only this job. The tests of the
machinery and the rollout on a cluster may be skipped on a pull request, but only if scope.py has
decided so. If these jobs have run and succeeded, the decision does not matter. Needs only the
standard library.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

DECISION = "scope"
# The jobs that may be skipped, and the output of the decision that allows it.
SKIPPABLE = {"test": "machinery", "cluster": "cluster"}


def is_green(needs: dict[str, Any], event: str) -> bool:
    """The arguments are GitHub's `needs` of the last job, and the name of the event that started
    the run.
    """
    results = {name: job["result"] for name, job in needs.items()}
    for name, result in results.items():
        print(f"{result:<10} {name}")
    if {results[job] for job in SKIPPABLE if job in results} == {"success"}:
        results.pop(DECISION, None)
    for job, output in SKIPPABLE.items():
        skipped = results.get(job) == "skipped" and event == "pull_request"
        if skipped and may_skip(needs[DECISION], output):
            del results[job]
    return set(results.values()) == {"success"}


def may_skip(decision: dict[str, Any], output: str) -> bool:
    """Whether a complete decision says that the job of this output is not needed."""
    outputs = decision["outputs"]
    complete = set(outputs) == set(SKIPPABLE.values()) and set(outputs.values()) <= {"run", "skip"}
    return decision["result"] == "success" and complete and outputs[output] == "skip"


if __name__ == "__main__":
    green = is_green(json.loads(os.environ["NEEDS"]), os.environ["GITHUB_EVENT_NAME"])
    sys.exit(not green)
