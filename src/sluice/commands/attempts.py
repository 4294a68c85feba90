"""Count the models that were judged on the same rows in other runs of CI."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import Commands, add_download, show


def add(commands: Commands) -> None:
    attempts = commands.group("attempts", "count the models that were judged in other runs of CI")
    meaning = "list the models that runs of CI have judged, from the names of their artifacts"
    fetch = attempts.add("fetch", _fetch, meaning)
    add_download(fetch, Path("out/attempts.json"), "FILE")
    meaning = "print the name of the artifact that records the model of a report"
    name = attempts.add("name", _name, meaning)
    name.add_argument("report", type=Path, help="the file report.json of a run")
    outputs = "append the line name=… to this file, as an output of a workflow step"
    name.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)


def _fetch(options: argparse.Namespace) -> int:
    from sluice.attempts import fetch

    fetch.run(options.repo, options.out, show)
    return 0


def _name(options: argparse.Namespace) -> int:
    from sluice.attempts import record

    name = record.name(options.report.read_bytes())
    show(name)
    if options.outputs:
        with options.outputs.open("a", encoding="utf-8") as outputs:
            outputs.write(f"name={name}\n")
    return 0
