"""The overhead of production behind a proxy, and the time of a rollback: `make bench-rollout`.

One server of a package answers directly, behind Traefik as `sluice rollout` starts it, and behind
nginx as the lower bound, in turns within one run. Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from sluice.package.archive import Package
from sluice.package.verify import verified
from sluice.rollout.machine.control import Control
from sluice.rollout.machine.slow import slow_seconds
from sluice.rollout.rehearsal import load
from sluice.rollout.weights import ALL_STABLE, BASELINE, CANARY, STABLE, Weights
from sluice.serve.target import HOST, new_token

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/benchmarks.md"
MARK = "## Rollout on one machine\n"
_SCRIPT = """\
local bodies, turn = {%s}, 0
request = function()
  turn = turn %% #bodies + 1
  return wrk.format("POST", "/score", {["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer %s"}, bodies[turn])
end
done = function(summary, latency)
  local e = summary.errors
  print(string.format("%%d %%d %%d %%d", summary.requests, summary.duration,
    latency:percentile(50), e.status + e.connect + e.read + e.write + e.timeout))
end
"""
_NGINX = """\
daemon off; pid {folder}/pid; error_log stderr error; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  upstream server {{ server 127.0.0.1:{server}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://server; proxy_http_version 1.1;
      proxy_set_header Connection ""; client_body_temp_path {folder}; }}
  }}
}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path, nargs="?", help="default: the newest in dist/")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of load at a time")
    options = parser.parse_args()
    for program in ("wrk", "nginx"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed: run apt-get install wrk nginx-light")
    file = options.package or max((ROOT / "dist").glob("*.tar"), key=os.path.getmtime, default=None)
    if file is None:
        raise SystemExit("there is no package in dist/: run make package")
    with verified(file) as package, TemporaryDirectory() as scratch:
        section = measure(package, Path(scratch), options.rounds, options.seconds)
    print(section)
    before = PAGE.read_text("utf-8").partition(MARK)[0].rstrip()
    PAGE.write_text(f"{before}\n\n{section}", "utf-8")


def measure(package: Package, folder: Path, rounds: int, seconds: int) -> str:
    """The section of the page, in Markdown."""
    control = Control(folder / "production")
    busy, cores = os.getloadavg()[0], os.cpu_count()
    try:
        starts = _started(control, package)
        paths = _overhead(control, package, folder, rounds, seconds)
        back = [_taken_back(control, package) for _ in range(rounds)]
        memory = _memory(control)
        switch = [_timed(lambda: _switch(control, package)) for _ in range(rounds)]
    finally:
        control.close()
    direct = paths["direct"]
    rows = [
        f"| {name} | {one[0]:.2f} | {one[0] / direct[0]:.2f} | {one[1]:,.0f} | "
        f"{one[1] / direct[1]:.2f} |"
        for name, one in paths.items()
    ]
    return "\n".join(
        [
            MARK,
            f"`make bench-rollout` measures this: medians of {rounds} rounds, {seconds} s each,",
            f"in turns, on {cores} cores which server, proxy and load generator share. The load",
            f"average before the run was {busy:.1f}; on a busy machine only ratios mean much.",
            f"Package: `{package.manifest.title}`.",
            "",
            "| path | p50, 1 connection, ms | of direct | requests/s, 16 connections | of direct |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "| | |",
            "| --- | --- |",
            f"| from the start of the proxy until it responds | {starts[0]:.2f} s |",
            f"| from the start of a server until the proxy has its weight | {starts[1]:.2f} s |",
            f"| a canary with half of the requests taken back, confirmed | {_middle(back):.2f} s |",
            f"| another server takes over all requests, and the old one has ended | "
            f"{_middle(switch):.2f} s |",
            *(f"| resident memory of {name} | {size:,.0f} MB |" for name, size in memory.items()),
            "",
        ]
    )


def _started(control: Control, package: Package) -> tuple[float, float]:
    """Seconds until the proxy responds, and until a server has all requests."""
    opened = _timed(lambda: control.open(0, new_token(), slow_seconds(package)))

    def serve() -> None:
        control.start(STABLE, package.folder, package.manifest.version)
        _weights(control, ALL_STABLE)

    return opened, _timed(serve)


def _overhead(
    control: Control, package: Package, folder: Path, rounds: int, seconds: int
) -> dict[str, tuple[float, float]]:
    """The median latency in milliseconds and the requests a second, for each path."""
    machine = control.machine
    rows = load.records(package)
    bodies = ",".join(f'[==[{{"records":[{row}]}}]==]' for row in rows)
    script = folder / "requests.lua"
    script.write_text(_SCRIPT % (bodies, machine.token))
    server = machine.servers[STABLE].port
    with _nginx(folder, server) as nginx:
        ports = {"direct": server, "behind nginx": nginx, "behind Traefik": machine.port}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
        for turn in range(rounds + 1):
            for name, port in ports.items():
                alone, many = (_wrk(script, port, n, seconds) for n in (1, 16))
                if turn:  # the first round only warms up
                    found[name].append((alone[1], many[0]))
    return {
        name: (_middle([p50 for p50, _ in of]), _middle([rate for _, rate in of]))
        for name, of in found.items()
    }


def _wrk(script: Path, port: int, connections: int, seconds: int) -> tuple[float, float]:
    """Requests a second, and the median latency in milliseconds."""
    given = ["-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
    done = subprocess.run(
        ["wrk", *given, f"http://{HOST}:{port}"], check=True, capture_output=True, text=True
    )
    requests, micros, p50, errors = map(int, done.stdout.strip().splitlines()[-1].split())
    if errors or not requests:
        raise SystemExit(f"the load failed at port {port}: {errors} errors in {requests} requests")
    return requests / micros * 1e6, p50 / 1e3


@contextmanager
def _nginx(folder: Path, server: int) -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        port = int(listener.getsockname()[1])
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, server=server, port=port))
    command = ["nginx", "-c", str(file), "-p", str(folder), "-e", "stderr"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _until(lambda: _connects(port))
            yield port
        finally:
            process.terminate()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _taken_back(control: Control, package: Package) -> float:
    arms = dict.fromkeys((BASELINE, CANARY), (package.folder, package.manifest.version))
    if CANARY not in control.machine.servers:
        control.start_all(arms)
    _weights(control, Weights.at(50))
    return _timed(lambda: _weights(control, ALL_STABLE))


def _switch(control: Control, package: Package) -> None:
    control.stop(BASELINE, CANARY)
    control.replace_stable(package.folder, package.manifest.version)


def _memory(control: Control) -> dict[str, float]:
    """Megabytes of each process that runs, with its children; shared pages count once."""
    machine = control.machine
    running = {f"the server of {arm}": one.process for arm, one in machine.servers.items()}
    if machine.proxy is not None:
        running = {"Traefik": machine.proxy, **running}
    found = {name: _megabytes(one.pid) for name, one in running.items()}
    return {**found, "the whole set during a canary": sum(found.values())}


def _megabytes(pid: int) -> float:
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    return sum(one.memory_full_info().pss for one in family) / 1e6


def _weights(control: Control, weights: Weights) -> None:
    control.set_weights(weights)
    _until(lambda: control.applied(weights))


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("it did not happen within 60 s")
        time.sleep(0.01)


def _timed(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _middle(values: list[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    main()
