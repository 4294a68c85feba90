"""Starts, replaces and stops the servers on this machine, and divides the requests without losing
one.

The order is always: start, wait until ready, change the proxy's file by one rename, confirm with
the proxy's API, and only then stop servers without requests.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from sluice import files
from sluice.errors import SluiceError
from sluice.rollout.counts import Arm
from sluice.rollout.machine import api, check, processes, proxy, record, traefik
from sluice.rollout.machine.record import Machine, Process, Server
from sluice.rollout.traffic import confirm
from sluice.rollout.weights import ALL_STABLE, ARMS, BASELINE, CANARY, STABLE, Weights
from sluice.staging import process

_AGAIN = 3.0  # seconds after which the proxy's file is written again
# Time for requests that the proxy had already sent to a server when its weight changed.
_SETTLE = 0.2
# Within this time, the proxy's health checks notice that a server was ended by someone else.
_OPTIONS = ("--lame-duck-seconds", "1")
# The server of stable that is being replaced, and one that could not replace it.
OLD, _GIVEN_UP = "old", "given-up"
# Tries of 10 s each after which a proxy that does not answer is started again.
_TRIES = 3
_METRICS_SECONDS = 2.0
_UNUSUAL = "sluice_unusual_requests_total"


class Control:
    """The servers and the proxy of one folder; a `Traffic` and a `Switch` of a rollout.

    Every method raises SluiceError, whose message is one line.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unusual: dict[str, int] = {}
        self._told: float | None = None

    @property
    def machine(self) -> Machine:
        """What runs now, according to the record."""
        found = record.read(self.folder)
        if found is None:
            raise SluiceError(f"{self.folder} has no record of what runs on this machine")
        return found

    # The proxy

    def open(self, port: int, token: str, slow: float) -> None:
        """Start the proxy, which has no server yet. port: 0 chooses a free one."""
        machine = Machine(traefik.free_port(port), traefik.free_port(0), slow, token)
        # Without the file of the weights at its start, Traefik would never read it later.
        self._record(machine)
        self.start_proxy()

    def start_proxy(self) -> None:
        """Start the proxy that the record describes, after ending one that still runs."""
        machine = self.machine
        if machine.proxy is not None:
            processes.end(machine.proxy)
        started = traefik.start(self.folder, machine)
        record.write(self.folder, replace(machine, proxy=processes.known(started.pid)))
        traefik.wait_for(started, self.folder, machine)

    def restore(self) -> None:
        """Restart the proxy and stable if they have stopped, but no other arm.

        If another arm has stopped, the canary's weight becomes 0.
        """
        servers = self.machine.servers
        alive = {arm: s for arm, s in servers.items() if processes.alive(s.process)}
        stable = servers.get(STABLE)
        if stable is not None and STABLE not in alive:
            alive[STABLE] = self._serve(STABLE, Path(stable.package), stable.version)
        if alive != servers:
            weights = self.machine.weights
            whole = all(arm in alive for arm in ARMS if getattr(weights, arm))
            weights = weights if whole else ALL_STABLE
            self._record(replace(self.machine, servers=alive, weights=weights))
        self._restore_proxy()

    def tend(self) -> None:
        """Start the proxy again if it has ended: without it nobody is served."""
        running = self.machine.proxy
        if running is None or not processes.alive(running):
            self.start_proxy()

    def _restore_proxy(self) -> None:
        """Start the proxy again if it has ended, or if it has not answered for half a minute."""
        self.tend()
        port = self.machine.api
        if not any(traefik.answers(port) for _ in range(_TRIES)):
            self.start_proxy()

    # The servers

    def start(self, arm: str, package: Path, version: str) -> None:
        """Start a server of an unpacked package for an arm that gets no requests yet.

        Any earlier server of the arm must have ended.
        """
        self.start_all({arm: (package, version)})

    def start_all(self, packages: Mapping[str, tuple[Path, str]]) -> None:
        """Start servers for several arms at once: by arm, the unpacked package and its version.

        If one of them cannot start, all of them are stopped.
        """
        self._end_unrecorded()
        with ThreadPoolExecutor(len(packages)) as pool:
            made = {arm: pool.submit(self._serve, arm, *one) for arm, one in packages.items()}
        servers = {arm: each.result() for arm, each in made.items() if not each.exception()}
        if failed := [error for each in made.values() if (error := each.exception())]:
            processes.end(*(server.process for server in servers.values()))
            raise failed[0]
        self._remember({**self.machine.servers, **servers})

    def route(self, arm: str, port: int) -> None:
        """Make the proxy reach the server of an arm through this port."""
        servers = self.machine.servers
        self._remember({**servers, arm: replace(servers[arm], route=port)})

    def stop(self, *arms: str) -> None:
        """End the servers of arms that get no requests."""
        self._end_unrecorded()
        servers = self.machine.servers
        processes.end(*(servers[arm].process for arm in arms if arm in servers))
        self._remember({arm: server for arm, server in servers.items() if arm not in arms})

    def close(self) -> list[Process]:
        """End everything at once; returns what was ended."""
        machine = record.read(self.folder)
        if machine is None:
            return []
        every = [server.process for server in machine.servers.values()]
        every += [] if machine.proxy is None else [machine.proxy]
        processes.end(*every)
        return every

    # Traffic

    def set_weights(self, weights: Weights) -> None:
        """Raises SluiceError for a weight of an arm without a server."""
        machine = self.machine
        for arm in ARMS:
            if getattr(weights, arm) and arm not in machine.servers:
                raise SluiceError(f"{arm} has no server, but should get requests: start it first")
        self._record(replace(machine, weights=weights))

    def applied(self, weights: Weights) -> bool:
        machine = self.machine
        try:
            found = api.applied(machine.api, proxy.ARMS_SERVICE)
        except SluiceError:
            if self._told is not None:  # a reader changes nothing
                self._restore_proxy()
            raise
        shares = {arm: getattr(weights, arm) for arm in ARMS if getattr(weights, arm)}
        right = found.weights == shares and all(
            found.urls.get(arm) == proxy.url(machine.servers[arm].route) for arm in shares
        )
        # A proxy that has just started may miss that its file was replaced: it may read the file
        # before it watches it.
        late = self._told is not None and time.monotonic() - self._told > _AGAIN
        if late and not right and weights == machine.weights:
            self._tell(machine)
        return right

    def counts(self) -> Mapping[str, Arm]:
        self.restore()
        machine = self.machine
        # Read the servers first: they count a request before the proxy has its answer.
        unusual = {arm: self._unusual_of(arm, server) for arm, server in machine.servers.items()}
        up = api.applied(machine.api, proxy.ARMS_SERVICE).up
        totals = api.counted(machine.api, machine.slow)
        # The proxy checks only the health of servers that get requests.
        weights = machine.weights
        here = [arm for arm in machine.servers if arm in up or not getattr(weights, arm)]
        found = {arm: totals.get(arm, api.Counted()) for arm in here}
        return {
            arm: Arm(c.requests, c.errors, c.slow, min(c.requests, unusual[arm]))
            for arm, c in found.items()
        }

    def check(self) -> str:
        """What is wrong with the canary's answers or its package; empty if nothing is."""
        canary = self.machine.servers.get(CANARY)
        return "" if canary is None else check.problem(canary, self.machine.token)

    # The switch

    def promote(self) -> None:
        """Let a new server of the canary's package take over, and stop all others."""
        machine = self.machine
        canary = machine.servers.get(CANARY)
        if OLD not in machine.servers and canary is not None:
            self._swap(Path(canary.package), canary.version)
        self._finish(BASELINE, CANARY)

    def replace_stable(self, package: Path, version: str) -> None:
        """Let a new server of this package take over all requests, and stop the current one."""
        if OLD not in self.machine.servers:
            self._swap(package, version)
        self._finish()

    def _swap(self, package: Path, version: str) -> None:
        self._end_unrecorded()
        new, machine = self._serve(STABLE, package, version), self.machine
        servers = {**machine.servers, STABLE: new, OLD: machine.servers[STABLE]}
        self._record(replace(machine, servers=servers, weights=ALL_STABLE))

    def _finish(self, *others: str) -> None:
        """Stop the old server of stable and other arms once the new one has all requests.

        If the proxy does not confirm it, or the new one ends, the old one stays. Raises
        SluiceError then.
        """
        machine = self.machine
        if OLD not in machine.servers:
            self.stop(*others)
            return
        self._record(machine)  # a killed process may have written only the record
        try:
            confirm(self, ALL_STABLE)
            if not processes.alive(machine.servers[STABLE].process):
                raise SluiceError("the new server of stable has ended")
        except SluiceError:
            self._back_to_old()
            raise
        time.sleep(_SETTLE)
        self.stop(OLD, _GIVEN_UP, *others)

    def _back_to_old(self) -> None:
        """Keep the old server, and end the new one as soon as it certainly gets no more
        requests.
        """
        servers = dict(self.machine.servers)
        servers[_GIVEN_UP], servers[STABLE] = servers[STABLE], servers.pop(OLD)
        self._remember(servers)
        confirm(self, ALL_STABLE)
        time.sleep(_SETTLE)
        self.stop(_GIVEN_UP)

    def _serve(self, arm: str, package: Path, version: str) -> Server:
        run = f"{arm}-{time.time_ns()}"
        output, log = self.folder / "output" / run / "output.txt", self._logs / run
        output.parent.mkdir(parents=True)
        started = process.start(package.resolve(), output, log, self.machine.token, *_OPTIONS)
        known = processes.known(started.pid)
        try:
            port = process.ready(started, output)
        except BaseException:
            process.stop(started)
            raise
        return Server(known, port, port, str(package.resolve()), version, str(log))

    def _end_unrecorded(self) -> None:
        """End servers that a process started and did not record before it was killed."""
        recorded = {server.process.pid for server in self.machine.servers.values()}
        found = processes.naming(self._logs)
        processes.end(*(each for each in found if each.pid not in recorded))

    @property
    def _logs(self) -> Path:
        return self.folder.resolve() / "log"

    def _remember(self, servers: dict[str, Server]) -> None:
        self._record(replace(self.machine, servers=servers))

    def _record(self, machine: Machine) -> None:
        """Record the weights, and then tell the proxy."""
        record.write(self.folder, machine)
        self._tell(machine)

    def _tell(self, machine: Machine) -> None:
        """Write the configuration for the proxy."""
        content = proxy.encode(proxy.dynamic(machine))
        files.write(self.folder / proxy.DYNAMIC, content)
        self._told = time.monotonic()

    def _unusual_of(self, arm: str, server: Server) -> int:
        """The server's own count; the last one known if it does not answer."""
        from prometheus_client.parser import text_string_to_metric_families

        try:
            content = api.get(server.port, "/metrics", self.machine.token, _METRICS_SECONDS)
        except SluiceError:
            return self._unusual.get(arm, 0)
        page = content.decode("utf-8", "replace")
        samples = [s for family in text_string_to_metric_families(page) for s in family.samples]
        self._unusual[arm] = int(sum(s.value for s in samples if s.name == _UNUSUAL))
        return self._unusual[arm]
