"""`sluice staging test`: start the candidate, run its scenarios, then put it under load."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sluice import config
from sluice.errors import SluiceError
from sluice.package import verify
from sluice.package.archive import opened
from sluice.staging import load, page, results, scenarios
from sluice.staging.champion_load import ChampionLoad, in_words
from sluice.staging.load import LoadRound
from sluice.staging.measurements import LoadResult, Measurements
from sluice.staging.results import Results
from sluice.staging.subject import Started, Subject, serving
from sluice.verdict import Finding, Status, Verdict

_ROUNDS = 3  # of load for each, if candidate and champion take turns


def run(candidate: Subject, find_champion: Callable[[], Subject | None], out: Path) -> Results:
    """Try the candidate, measure the champion beside it, and write the results to `out`.

    find_champion: returns the champion, or None while there is none; if it raises, the results
    say so. An error is raised again after the results have been written.
    """
    results.clear(out)
    verdicts: dict[str, Verdict] = {}
    try:
        measured = _try(candidate, find_champion(), verdicts)
    except Exception as error:
        _write(out, _results(verdicts, None, in_words(error)))
        raise
    found = _results(verdicts, measured, "")
    _write(out, found)
    return found


def _write(out: Path, found: Results) -> None:
    """Write the page last, so that it never describes results that are not there."""
    results.write(out, found)
    page.write(out / results.PAGE, found)


def _results(verdicts: dict[str, Verdict], measured: Measurements | None, trouble: str) -> Results:
    scenarios_verdict, load_verdict = (
        verdicts.get(gate) or _incomplete(gate, trouble)
        for gate in (results.SCENARIOS, results.LOAD)
    )
    return Results(scenarios_verdict, load_verdict, measured)


def _incomplete(gate: str, trouble: str) -> Verdict:
    why = f"the test did not complete: {trouble}"
    return Verdict.of(gate, [Finding(f"{gate}/test", Status.INSUFFICIENT, why)])


def _try(
    candidate: Subject, champion: Subject | None, verdicts: dict[str, Verdict]
) -> Measurements:
    """Put each verdict into `verdicts` as soon as it is known."""
    manifest, verdict = verify.run(candidate.file)
    if not verdict.passes:
        raise SluiceError(f"{candidate.file}: scenarios: {verdict.why}")
    with opened(candidate.file) as package:
        if package.manifest != manifest:
            raise SluiceError(
                f"{candidate.file} was replaced while it was being verified; run this again"
            )
        settings = config.load(package.folder / "configuration" / "params.yaml")
        limit = settings.load.bounds.memory_mib.high
        requests = load.requests(package, settings.load.rows, settings.parity.tolerance)
        with serving(candidate, package, limit) as target:
            verdicts[results.SCENARIOS] = scenarios.run(package, target)
            started = Started(package, target, requests)
            own, other = _side_by_side(started, champion, settings)
        verdicts[results.LOAD] = load.verdict(own, settings.load)
    given = settings.load
    return Measurements(given.seconds, given.connections, given.rows, own, other)


def _side_by_side(
    started: Started, champion: Subject | None, settings: config.Settings
) -> tuple[LoadResult, LoadResult | None]:
    """Put both under load in turns, so that the state of the machine affects both alike."""
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
