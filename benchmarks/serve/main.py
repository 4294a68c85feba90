"""Measure the same fitted pipeline served by sluice and by every peer: `make bench-serve`.

Each round starts every server afresh, compares its answers with the pipeline's own,
applies load and stops it. Writes docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import load
import machine
import msgspec
import write
from batches import batches
from contender import LOAD_CORE, SERVER_CORE, Contender, NotMeasurableError, running
from environments import BENCH
from results import Bare, Entry, Results, Run
from subject import ROOT, Subject, newest_package, unpacked

from peers import bentoml, litserve, mlflow, mlserver, sluice

SERVERS: dict[str, ModuleType] = {
    "sluice": sluice,
    "mlserver": mlserver,
    "mlflow": mlflow,
    "bentoml": bentoml,
    "litserve": litserve,
}
CONNECTIONS = [1, 16, 32]
WARM_UP_SECONDS = 2
PAGE = ROOT / "docs" / "benchmarks.md"
RAW = BENCH / "results.json"


def main() -> None:
    options = arguments()
    if options.render:
        results = msgspec.json.decode(RAW.read_bytes(), type=Results)
    else:
        load.require_wrk()
        with unpacked(options.package or newest_package()) as subject:
            results = measure(subject, options)
    print(write.tables(results))
    if not options.only:
        RAW.write_bytes(msgspec.json.format(msgspec.json.encode(results)))
        PAGE.write_text(write.page(results) + write.rollout(PAGE.read_text()))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--package", type=Path, help="the package to serve (default: the newest in dist/)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="number of rounds (default: 5)")
    parser.add_argument(
        "--seconds", type=int, default=5, help="at each number of connections (default: 5)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*SERVERS, "batch"],
        help="measure only these, and write no file",
    )
    parser.add_argument(
        "--render",
        action="store_true",
        help="write the page from the last results, without measuring",
    )
    return parser.parse_args()


def measure(subject: Subject, options: argparse.Namespace) -> Results:
    """Measure the chosen servers and `sluice score` in interleaved rounds."""
    here = machine.this()
    wanted = options.only or [*SERVERS, "batch"]
    batch = batches(subject, options.repeats) if "batch" in wanted else []
    contenders = [
        contender
        for name in wanted
        if name in SERVERS
        for contender in SERVERS[name].contenders(subject)
    ]
    entries = [Entry(c.name, c.title, c.kind, c.configuration, c.versions) for c in contenders]
    bare: list[Bare] = []
    os.sched_setaffinity(0, {LOAD_CORE})
    for number in range(options.repeats):
        for contender, entry in zip(contenders, entries, strict=True):
            if not entry.not_measured:
                one_round(contender, entry, subject, options.seconds)
                print(f"{number + 1}/{options.repeats} {write.line(entry)}", flush=True)
        bare.append(bare_runtime(subject, options.seconds))
    return Results(
        here,
        subject.package.name,
        options.repeats,
        options.seconds,
        CONNECTIONS,
        entries,
        bare,
        batch,
    )


def one_round(contender: Contender, entry: Entry, subject: Subject, seconds: int) -> None:
    """Add one run to the entry, or the reason why it cannot be measured."""
    try:
        with running(contender) as server:
            server.check(subject)
            script = load.script(server, subject.rows, contender.folder)
            load.apply_load(server, script, CONNECTIONS[1], WARM_UP_SECONDS)
            loads = [load.apply_load(server, script, each, seconds) for each in CONNECTIONS]
            entry.runs.append(Run(server.seconds_to_ready, server.memory_mb(), loads))
    except NotMeasurableError as reason:
        entry.not_measured = str(reason)


def bare_runtime(subject: Subject, seconds: int) -> Bare:
    """Measure ONNX Runtime without a server."""
    script = str(Path(__file__).with_name("bare.py"))
    command = [sys.executable, script, str(subject.model), str(seconds)]
    done = subprocess.run(
        ["taskset", "-c", str(SERVER_CORE), *command],
        input=json.dumps(subject.rows),
        check=True,
        capture_output=True,
        text=True,
    )
    return Bare(**json.loads(done.stdout))


if __name__ == "__main__":
    main()
