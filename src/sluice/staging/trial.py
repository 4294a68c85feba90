"""`sluice staging test`: start the candidate, run its scenarios, and then the load test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from sluice import config, gates
from sluice.errors import SluiceError, describe
from sluice.package.verify import verified
from sluice.staging import load, page, results, scenarios
from sluice.staging.champion_load import ChampionLoad
from sluice.staging.load import LoadRound
from sluice.staging.measurements import LoadResult, Measurements
from sluice.staging.results import Results
from sluice.staging.subject import Started, Subject, serving
from sluice.verdict import Finding

_ROUNDS = 3  # rounds of load for each, if candidate and champion alternate


def run(candidate: Subject, find_champion: Callable[[], Subject | None], out: Path) -> Results:
    """Run both gates on the candidate, measure the champion for comparison, and write the results.

    find_champion: returns the champion, or None while there is none. An exception that stops a
    gate is raised again after the results have been written. After an interruption there are no
    results.
    """
    results.clear(out)
    write = partial(results.write_verdict, out)
    try:
        with closing(_Trial(candidate)) as trial:

            def try_scenarios() -> list[Finding]:
                trial.champion = find_champion()
                return trial.scenarios()

            tried = gates.run(results.SCENARIOS, try_scenarios, write)
            loaded = gates.run(results.LOAD, lambda: trial.load(tried.error), write)
    except KeyboardInterrupt:
        results.clear(out)
        raise
    found = Results(tried.verdict, loaded.verdict, trial.measurements)
    results.write_measurements(out, found)
    page.write(out / results.PAGE, found)
    if error := tried.error or loaded.error:
        raise error
    return found


class _Trial:
    """One test of a candidate, whose server runs from the scenarios to the end of the load test."""

    def __init__(self, candidate: Subject) -> None:
        self.champion: Subject | None = None
        self.measurements: Measurements | None = None
        self._candidate = candidate
        self._started: tuple[Started, config.Settings] | None = None
        self._server = ExitStack()

    def scenarios(self) -> list[Finding]:
        """Start the server and run the packaged scenarios against it."""
        with ExitStack() as stack:
            package = stack.enter_context(verified(self._candidate.file))
            settings = package.settings
            limit = settings.load.bounds.memory_mib.high
            requests = load.requests(package, settings.load.rows, settings.parity.tolerance)
            target = stack.enter_context(serving(self._candidate, package, limit))
            findings = scenarios.run(package, target)
            self._started = Started(package, target, requests), settings
            self._server = stack.pop_all()
        return findings

    def load(self, earlier: Exception | None) -> list[Finding]:
        """Run the load test on both servers, the candidate's and the champion's, and stop both.

        earlier: the error that stopped the scenarios; there is then no server for the load test.
        """
        if self._started is None:
            why = describe(earlier) if earlier else "no server is running"
            raise SluiceError(f"did not run, because {results.SCENARIOS} stopped: {why}")
        started, settings = self._started
        with self._server:
            own, other = _side_by_side(started, self.champion, settings)
        given = settings.load
        self.measurements = Measurements(given.seconds, given.connections, given.rows, own, other)
        return load.findings(own, given)

    def close(self) -> None:
        """Stop the server, if it is still running."""
        self._server.close()


def _side_by_side(
    started: Started, champion: Subject | None, settings: config.Settings
) -> tuple[LoadResult, LoadResult | None]:
    """Load both servers alternately, so that the state of the machine affects both equally."""
    given = settings.load

    def load_candidate(seconds: float) -> LoadRound:
        return load.run(started.target, started.requests, given.connections, seconds)

    if champion is None:
        only = load_candidate(given.seconds)
        return load.summary(started.package, started.target, [only]), None
    rounds: list[LoadRound] = []
    other = ChampionLoad(champion)
    with ExitStack() as stack:
        other.start(stack, settings)
        for _ in range(_ROUNDS):
            seconds = given.seconds / _ROUNDS
            rounds.append(load_candidate(seconds))
            other.load(given.connections, seconds)
        return load.summary(started.package, started.target, rounds), other.result()
