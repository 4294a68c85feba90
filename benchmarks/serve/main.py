"""Time the same fitted pipeline served by every peer and by sluice: `make bench-serve`.

Rounds are interleaved: in each, every server is started anew, checked against
the pipeline's own answers, pressed and stopped. Writes docs/benchmarks.md.
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
from contender import LOAD_CORE, SERVER_CORE, Contender, RefusedError, running
from environments import BENCH
from peers import bentoml, litserve, mlflow, mlserver, sluice
from results import Bare, Entry, Results, Run
from subject import ROOT, Subject, newest_package, unpacked

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
        PAGE.write_text(write.page(results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path, help="instead of the newest in dist/")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="at each number of connections")
    parser.add_argument(
        "--only", nargs="+", choices=[*SERVERS, "batch"], help="some parts; writes nothing"
    )
    parser.add_argument("--render", action="store_true", help="only write the page anew")
    return parser.parse_args()


def measure(subject: Subject, options: argparse.Namespace) -> Results:
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
    for turn in range(options.repeats):
        for contender, entry in zip(contenders, entries, strict=True):
            if not entry.refused:
                one_turn(contender, entry, subject, options.seconds)
                print(f"{turn + 1}/{options.repeats} {write.line(entry)}", flush=True)
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


def one_turn(contender: Contender, entry: Entry, subject: Subject, seconds: int) -> None:
    try:
        with running(contender) as server:
            server.check(subject)
            script = load.script(server, subject.rows, contender.folder)
            load.press(server, script, CONNECTIONS[1], WARM_UP_SECONDS)
            loads = [load.press(server, script, each, seconds) for each in CONNECTIONS]
            entry.runs.append(Run(server.seconds_to_ready, server.memory_mb(), loads))
    except RefusedError as reason:
        entry.refused = str(reason)


def bare_runtime(subject: Subject, seconds: int) -> Bare:
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
