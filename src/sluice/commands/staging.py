"""Try a package in the test environment before it serves anyone."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import INTERRUPTED, REFUSED, Commands, say, show_result
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.staging.subject import Subject
    from sluice.verdict import Verdict


def add(commands: Commands) -> None:
    staging = commands.group("staging", "try a package before it serves anyone")
    meaning = "start the package's server, run its scenarios over HTTP, and then a load test"
    test = staging.add("test", _test, meaning)
    test.add_argument("package", type=Path, help="the candidate's package file")
    image = "run this image, which was built from the package; default: run a process"
    test.add_argument("--image", help=image)
    champion = (
        "measure this champion for comparison: a package, or the folder of 'sluice champion fetch'"
    )
    test.add_argument("--champion", type=Path, metavar="PATH", help=champion)
    image = "the champion's image; needed with --image if the champion is a package"
    test.add_argument("--champion-image", metavar="IMAGE", help=image)
    out = Path("out/staging")
    test.add_argument(
        "--out",
        type=Path,
        default=out,
        metavar="FOLDER",
        help=f"folder of the results; default: {out}",
    )
    meaning = "score the package's recorded rows with 'sluice score', as CSV and as Parquet"
    batch = staging.add("batch", _batch, meaning)
    batch.add_argument("package", type=Path, help="the package file")


def _test(options: argparse.Namespace) -> int:
    from sluice.staging import results, trial
    from sluice.staging.subject import Subject

    candidate = Subject(options.package, options.image)
    try:
        found = trial.run(candidate, lambda: _champion(options), options.out)
    except KeyboardInterrupt:
        return say("interrupted: the test has no result", INTERRUPTED)
    status = _conclude(found.verdicts, found.passes)
    print(f"\nresults: {options.out / results.PAGE}")
    return status


def _champion(options: argparse.Namespace) -> Subject | None:
    """The champion, which must run in the same way as the candidate."""
    from sluice.champion import folder
    from sluice.staging.subject import Subject

    if options.champion is None:
        if options.champion_image is not None:
            raise SluiceError("--champion-image needs --champion, the package of that image")
        return None
    champion = folder.read(options.champion)
    if champion is None:
        return None
    image = options.champion_image or (champion.image if options.image else None)
    if (options.image is None) != (image is None):
        raise SluiceError(
            "--image and --champion-image go together: give both, so that candidate and champion "
            "run in the same way"
        )
    return Subject(champion.package, image)


def _batch(options: argparse.Namespace) -> int:
    from sluice.staging import batch

    try:
        verdict = batch.run(options.package)
    except KeyboardInterrupt:
        return say("interrupted: the test has no result", INTERRUPTED)
    return _conclude([verdict], verdict.passes)


def _conclude(verdicts: Iterable[Verdict], passes: bool) -> int:
    print()
    for verdict in verdicts:
        show_result(verdict.gate, verdict.status, verdict.why)
    if passes:
        return 0
    return say("refused: the package does not pass in the test environment", REFUSED)
