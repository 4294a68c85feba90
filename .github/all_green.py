"""Exit with 0 only if every job that this one needs has run and succeeded.

GitHub counts a required job that was skipped as passed, so main requires this job alone. The tests
of the machinery may be skipped on a pull request, but only if scope.py has decided so. If they have
run and succeeded, it does not matter what became of that decision. Needs only the standard library.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

DECISION, TESTS = "scope", "test"
SKIP = {"result": "success", "outputs": {"machinery": "skip"}}


def is_green(needs: dict[str, Any], event: str) -> bool:
    """Take GitHub's `needs` of the last job, and the name of the event that started the run."""
    results = {name: job["result"] for name, job in needs.items()}
    for name, result in results.items():
        print(f"{result:<10} {name}")
    if results.get(TESTS) == "success":
        results.pop(DECISION, None)
    elif results.get(TESTS) == "skipped" and event == "pull_request" and needs[DECISION] == SKIP:
        del results[TESTS]
    return set(results.values()) == {"success"}


if __name__ == "__main__":
    green = is_green(json.loads(os.environ["NEEDS"]), os.environ["GITHUB_EVENT_NAME"])
    sys.exit(not green)
