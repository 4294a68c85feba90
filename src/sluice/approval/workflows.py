"""Whether GitHub's own token may change the releases. It may not if their commits have other
workflows.
"""

from __future__ import annotations

from collections.abc import Iterable

from sluice.approval.production import GATE
from sluice.delivery.attestation import BRANCH
from sluice.github.api.releases import ADVICE, WORKFLOWS, Releases
from sluice.verdict import Finding, Status

_NAME = f"{GATE}/workflows"
_TAKES_IT = "the job that changes the releases uses the secret RELEASE_TOKEN if it is set"


def judge(releases: Releases, commits: Iterable[str]) -> Finding:
    """Compare the workflows of the commits whose releases are to be changed with those of main.

    A difference is not refused, because only the job that uses the token knows whether it is set.
    """
    main = releases.workflows(BRANCH.removeprefix("refs/heads/"))
    differ = {
        f"{name} at {commit[:7]}"
        for commit in commits
        for name, digest in releases.workflows(commit).items()
        if main.get(name) != digest
    }
    if not differ:
        return Finding(_NAME, Status.PASS, "the workflows of the releases are those of main")
    why = (
        f"{WORKFLOWS} differs from main: {', '.join(sorted(differ))}. GitHub then refuses to let "
        f"the workflow's own token change the release. Before you approve: {ADVICE}"
    )
    return Finding(_NAME, Status.INSUFFICIENT, why, accepted=_TAKES_IT)
