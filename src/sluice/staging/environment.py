"""`sluice staging test`: start the candidate, try it, load it, and say what came of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from sluice import config
from sluice.champion.local import find
from sluice.errors import SluiceError
from sluice.package import verify
from sluice.package.archive import opened
from sluice.staging import load, results, scenarios
from sluice.staging.champion_load import Champion, in_words
from sluice.staging.load import Round
from sluice.staging.measured import Measurements, Numbers
from sluice.staging.results import Results
from sluice.staging.subject import Runner, Subject, serving
from sluice.verdict import Finding, Status, Verdict

_ROUNDS = 3  # where two take turns


def run(
    package: Path, image: str | None, champion: Path | None, champion_image: str | None, out: Path
) -> Results:
    """Try the package, the champion beside it, and write the results.

    Trouble is raised on, after what could be said has been written.
    """
    results.clear(out)
    said: dict[str, Verdict] = {}
    try:
        other = _beside(image, champion, champion_image)
        measured = _try(Subject(package, image), other, said)
    except Exception as error:
        results.write(out, _results(said, None, in_words(error)))
        raise
    found = _results(said, measured, "")
    results.write(out, found)
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


def _results(said: dict[str, Verdict], measured: Measurements | None, trouble: str) -> Results:
    tried, loaded = (
        said.get(gate) or _not_run(gate, trouble) for gate in (scenarios.GATE, load.GATE)
    )
    return Results(tried, loaded, measured)


def _not_run(gate: str, trouble: str) -> Verdict:
    why = f"did not come to an end: {trouble}"
    return Verdict.of(gate, [Finding(f"{gate}/test", Status.INSUFFICIENT, why)])


def _try(candidate: Subject, champion: Subject | None, said: dict[str, Verdict]) -> Measurements:
    """Verdicts go into `said` as soon as they are known."""
    manifest, verdict = verify.run(candidate.file)
    if not verdict.passes:
        raise SluiceError(f"{candidate.file}: scenarios: {verdict.why}")
    with opened(candidate.file) as package:
        if package.manifest != manifest:
            raise SluiceError(f"{candidate.file}: was exchanged while it was verified")
        settings = config.load(package.folder / "configuration" / "params.yaml")
        most = settings.load.bounds.memory_mib.high
        known = load.known(package, settings.load.rows, settings.parity.tolerance)
        with serving(candidate, package, most) as target:
            said[scenarios.GATE] = scenarios.run(package, target)
            runner = Runner(package, target, known)
            mine, other = _side_by_side(runner, champion, settings)
        said[load.GATE] = load.verdict(mine, settings.load)
    asked = settings.load
    return Measurements(asked.seconds, asked.connections, asked.rows, mine, other)


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
