"""The champion under the same load as the candidate, for comparison only.

No bound applies to the champion. A failure of its server is recorded, but does not fail the
candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sluice.config import Settings
from sluice.errors import describe
from sluice.package.archive import Package, opened
from sluice.staging import load, process
from sluice.staging.load import LoadRound
from sluice.staging.measurements import LoadResult
from sluice.staging.subject import Started, Subject, serving


class ChampionLoad:
    """Starts the champion's server and sends it load, one round at a time."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._started: Started | None = None
        self._package: Package | None = None
        self._rounds: list[LoadRound] = []
        self._trouble = ""

    def start(self, stack: ExitStack, settings: Settings) -> None:
        """Start the server; `stack` stops it. The settings are the candidate's."""
        with self._recorded():
            self._package = stack.enter_context(opened(self._subject.file))
            requests = load.requests(self._package, settings.load.rows, settings.parity.tolerance)
            target = stack.enter_context(serving(self._subject, self._package, None))
            self._started = Started(self._package, target, requests)

    def load(self, connections: int, seconds: float) -> None:
        """One round of load; does nothing after a failure."""
        if self._started is not None and not self._trouble:
            with self._recorded():
                to = self._started
                self._rounds.append(load.run(to.target, to.requests, connections, seconds))

    def result(self) -> LoadResult:
        """The combined rounds, or why there are none."""
        if self._started is not None and not self._trouble:
            return load.summary(self._started.package, self._started.target, self._rounds)
        runs_as = self._subject.image or process.RUNS_AS
        if self._package is None:
            name = self._subject.file.name
            return LoadResult(name, "", "", runs_as, trouble=self._trouble)
        of = self._package.manifest
        return LoadResult(of.name, of.version, of.digest, runs_as, trouble=self._trouble)

    @contextmanager
    def _recorded(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._trouble = describe(error)
