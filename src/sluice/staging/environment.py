"""`sluice staging test`: start the candidate, try it, load it, and say what came of it."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from sluice import config, gates
from sluice.champion.local import find
from sluice.errors import SluiceError, describe
from sluice.package import verify
from sluice.package.archive import opened
from sluice.staging import load, results, scenarios
from sluice.staging.champion_load import Champion
from sluice.staging.load import Round
from sluice.staging.measured import Measurements, Numbers
from sluice.staging.results import Results
from sluice.staging.subject import Runner, Subject, serving
from sluice.verdict import Finding

_ROUNDS = 3  # where two take turns


def run(
    package: Path, image: str | None, champion: Path | None, champion_image: str | None, out: Path
) -> Results:
    """Run both gates on the package, load the champion beside it, and write the results.

    An exception that stopped a gate is raised again after the results have been written. After an
    interruption there are no results.
    """
    results.clear(out)
    write = partial(results.write_verdict, out)
    try:
        with closing(_Trial(Subject(package, image))) as trial:

            def try_scenarios() -> list[Finding]:
                trial.champion = _beside(image, champion, champion_image)
                return trial.scenarios()

            tried = gates.run(scenarios.GATE, try_scenarios, write)
            loaded = gates.run(load.GATE, lambda: trial.load(tried.error), write)
    except KeyboardInterrupt:
        results.clear(out)
        raise
    found = Results(tried.verdict, loaded.verdict, trial.measurements)
    results.write(out, found)
    if error := tried.error or loaded.error:
        raise error
    return found


def _beside(image: str | None, champion: Path | None, champion_image: str | None) -> Subject | None:
    if champion is None:
        if champion_image is not None:
            raise SluiceError("--champion-image goes with --champion, the package it is made of")
        return None
    serving = find(champion)
    if serving is None:
        return None
    own = champion_image or (serving.image if image else None)
    if (image is None) != (own is None):
        raise SluiceError("--image and --champion-image go together: both must run alike")
    return Subject(serving.package, own)


class _Trial:
    """One try of a candidate: its server runs from the scenarios to the end of the load."""

    def __init__(self, candidate: Subject) -> None:
        self.champion: Subject | None = None
        self.measurements: Measurements | None = None
        self._candidate = candidate
        self._running: tuple[Runner, config.Settings] | None = None
        self._server = ExitStack()

    def scenarios(self) -> list[Finding]:
        """Start the server and run the packaged scenarios against it."""
        file = self._candidate.file
        manifest, verdict = verify.run(file)
        if not verdict.passes:
            raise SluiceError(f"{file}: scenarios: {verdict.why}")
        with ExitStack() as stack:
            package = stack.enter_context(opened(file))
            if package.manifest != manifest:
                raise SluiceError(f"{file}: was exchanged while it was verified")
            settings = config.load(package.folder / "configuration" / "params.yaml")
            most = settings.load.bounds.memory_mib.high
            known = load.known(package, settings.load.rows, settings.parity.tolerance)
            target = stack.enter_context(serving(self._candidate, package, most))
            findings = scenarios.run(package, target)
            self._running = Runner(package, target, known), settings
            self._server = stack.pop_all()
        return findings

    def load(self, earlier: Exception | None) -> list[Finding]:
        """Load the server and the champion's, and end them.

        earlier: what stopped the scenarios, after which there is no server to load.
        """
        if self._running is None:
            why = describe(earlier) if earlier else "no server is running"
            raise SluiceError(f"did not run, because {scenarios.GATE} stopped: {why}")
        runner, settings = self._running
        with self._server:
            mine, other = _side_by_side(runner, self.champion, settings)
        asked = settings.load
        self.measurements = Measurements(asked.seconds, asked.connections, asked.rows, mine, other)
        return load.findings(mine, asked)

    def close(self) -> None:
        self._server.close()


def _side_by_side(
    mine: Runner, champion: Subject | None, settings: config.Settings
) -> tuple[Numbers, Numbers | None]:
    """By turns, so that both see the same machine; the champion is held to nothing."""
    asked = settings.load
    if champion is None:
        taken = load.run(mine.target, mine.known, asked.connections, asked.seconds)
        return load.numbers(mine.package, mine.target, [taken]), None
    rounds: list[Round] = []
    other = Champion(champion)
    with ExitStack() as stack:
        other.start(stack, settings)
        for _ in range(_ROUNDS):
            seconds = asked.seconds / _ROUNDS
            rounds.append(load.run(mine.target, mine.known, asked.connections, seconds))
            other.load(asked.connections, seconds)
        return load.numbers(mine.package, mine.target, rounds), other.numbers()
