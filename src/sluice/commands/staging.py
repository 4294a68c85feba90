"""The road into production: a package tried where nobody relies on it yet."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import INTERRUPTED, REFUSED, Commands, say, show_judged

if TYPE_CHECKING:
    from sluice.verdict import Verdict


def add(commands: Commands) -> None:
    staging = commands.group("staging", "try a package before it serves anyone")
    meaning = "start its server, run its scenarios over HTTP, and hold it to its bounds under load"
    test = staging.add("test", _test, meaning)
    test.add_argument("package", type=Path)
    test.add_argument("--image", help="run the package's image; without it, a process")
    beside = "what serves now: a package, or the folder of 'sluice release champion'"
    test.add_argument("--champion", type=Path, metavar="PATH", help=beside)
    test.add_argument("--champion-image", metavar="IMAGE", help="goes with --image")
    out = Path("out/staging")
    test.add_argument("--out", type=Path, default=out, metavar="FOLDER", help=f"({out})")
    batch = staging.add("batch", _batch, "score its recorded rows with the real 'sluice score'")
    batch.add_argument("package", type=Path)


def _test(options: argparse.Namespace) -> int:
    from sluice.staging import environment, results

    asked = (options.package, options.image, options.champion, options.champion_image)
    try:
        found = environment.run(*asked, options.out)
    except KeyboardInterrupt:
        return say("interrupted; nothing was concluded", INTERRUPTED)
    status = _conclude(found.verdicts, found.passes)
    print(f"\nresults: {options.out / results.PAGE}")
    return status


def _batch(options: argparse.Namespace) -> int:
    from sluice.staging import batch

    try:
        verdict = batch.run(options.package)
    except KeyboardInterrupt:
        return say("interrupted; nothing was concluded", INTERRUPTED)
    return _conclude([verdict], verdict.passes)


def _conclude(verdicts: Iterable[Verdict], passes: bool) -> int:
    print()
    for verdict in verdicts:
        show_judged(verdict.gate, verdict.status, verdict.why)
    if passes:
        return 0
    return say("refused: the package does not pass in the test environment", REFUSED)
