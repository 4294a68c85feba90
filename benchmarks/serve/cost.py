"""Compare the processor time of a request to `sluice serve` with the same server's empty response.

`python benchmarks/serve/cost.py`. The script measures processor time, which other work on the
machine hardly affects. The rounds are interleaved.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import median

import load
import psutil
from contender import LOAD_CORE, Contender, Server, running
from subject import Subject, newest_package, unpacked

from peers import sluice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    load.require_wrk()
    costs: dict[str, list[float]] = {}
    with unpacked(options.package or newest_package()) as subject:
        os.sched_setaffinity(0, {LOAD_CORE})
        for _ in range(options.rounds):
            for contender in sluice.contenders(subject):
                costs.setdefault(contender.name, []).append(
                    cost(contender, subject, options.connections, options.seconds)
                )
    for name, found in costs.items():
        spread = f"{median(found):6.1f} ({min(found):.1f} to {max(found):.1f})"
        print(f"{name:<8}{spread} microseconds of processor time a request")
    shares = [floor / ours for ours, floor in zip(costs["sluice"], costs["floor"], strict=True)]
    print(f"of the empty response: {median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})")


def cost(contender: Contender, subject: Subject, connections: int, seconds: int) -> float:
    """Microseconds of processor time which the server needs for one request."""
    with running(contender) as server:
        server.check(subject)
        script = load.script(server, subject.rows, contender.folder)
        load.apply_load(server, script, connections, 1)
        before = _used(server)
        done = load.apply_load(server, script, connections, seconds)
        used = _used(server) - before
    return used / (done.requests_per_second * seconds) * 1e6


def _used(server: Server) -> float:
    """Seconds of processor time of all the server's processes."""
    root = psutil.Process(server.process.pid)
    times = [each.cpu_times() for each in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    main()
