"""While a canary runs, reports its state to GitHub and reads decisions from GitHub.

A separate thread does this through the same files as the commands for people, so that a slow answer
from GitHub does not delay the judgement of the canary.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from sluice import files
from sluice.champion import current
from sluice.delivery.record import tag_of
from sluice.errors import SluiceError
from sluice.github.api.access import Access
from sluice.github.api.deployments import Deployments
from sluice.github.api.releases import Releases
from sluice.rollout import state
from sluice.rollout.machine import request
from sluice.rollout.machine.wanted import Source
from sluice.rollout.state import Phase, State
from sluice.verdict import Status

# A token that may only write deployments.
TOKEN = "SLUICE_DEPLOYMENTS_TOKEN"  # noqa: S105
_JOIN_SECONDS = 10.0
_LONGEST = 140  # characters of a description
_PASSED = (Phase.PASSED, Phase.SWITCHING, Phase.PROMOTED)


class Watch:
    """Watches the rollout of one version during a `with` block.

    version: the version of the candidate. seconds: the time between two polls of GitHub.
    """

    def __init__(
        self, access: Access, folder: Path, version: str, seconds: float, say: Callable[[str], None]
    ) -> None:
        self._access, self._folder, self._version = access, folder, version
        self._seconds, self._say = seconds, say
        self._done = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._said = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        with Releases(self._access) as releases, Deployments(self._access) as deployments:
            source = Source(releases, deployments)
            while True:
                try:
                    self.look(source)
                except (SluiceError, OSError) as error:  # a full disk must not end the watch
                    if str(error) != self._said:
                        self._said = str(error)
                        self._say(self._said)
                if self._done.wait(self._seconds):
                    return

    def look(self, source: Source) -> None:
        """Report and poll once; raises SluiceError if GitHub does not answer."""
        known = state.read(self._folder)
        if known is None or known.over or known.candidate != self._version:
            return
        asked = request.read(self._folder)
        if asked is not None and asked.version != self._version:
            asked = None
        report(self._access, self._folder, known)
        champion = source.champion()
        tag = current.tag_of(champion)
        if tag == tag_of(self._version):
            passed = known.phase is Phase.PASSED
            if passed and asked and champion and source.released(champion, asked.digest):
                (self._folder / state.APPROVAL).touch()
        elif asked is None or tag != asked.champion:
            why = f"the champion on GitHub is {tag} now"
            files.write(self._folder / state.ABORT, why.encode())


def report(access: Access, folder: Path, known: State) -> None:
    """Report the state of the requested canary to GitHub, if it is new and there is a token.

    Raises SluiceError if GitHub does not accept it; the next call tries again.
    """
    asked, token = request.read(folder), os.environ.get(TOKEN, "").strip()
    if asked is None or asked.version != known.candidate or not token:
        return
    reached = _state(known)
    if reached == asked.reported:
        return
    canary = sum(each.canary.requests for each in known.intervals)
    said = f"{asked.digest} {known.phase}, {canary} requests: {known.why}"
    body = {"state": reached, "description": said[:_LONGEST], "auto_inactive": False}
    with Deployments(Access(access.owner, access.name, access.url, token)) as deployments:
        deployments.report(asked.deployment, body)
    request.write(folder, replace(asked, reported=reached))


def _state(known: State) -> str:
    """GitHub's name for the state."""
    if known.phase in _PASSED:
        return "success"
    if known.phase is Phase.ROLLED_BACK:
        return "failure" if known.verdict is Status.FAIL else "error"
    return "in_progress"
