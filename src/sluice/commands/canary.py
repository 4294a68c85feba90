"""The command that tries a canary on a Kubernetes cluster, or in containers of one machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.commands import REFUSED, UNDECIDED, Commands, one_line, say, show_result
from sluice.errors import SluiceError

if TYPE_CHECKING:
    from sluice.package.archive import Package
    from sluice.rollout.kubernetes.traffic import Place
    from sluice.rollout.state import State

_READY_SECONDS = 300.0


def add(rollout: Commands) -> None:
    """Add `canary` to the commands of `sluice rollout`."""
    meaning = (
        "send a growing share of requests to a canary; exit status 0: promote it, 1: it failed, "
        "3: too little evidence; in every case, stable serves all requests afterwards"
    )
    canary = rollout.add("canary", _canary, meaning)
    where = canary.add_mutually_exclusive_group(required=True)
    cluster = "use the Kubernetes cluster in which this process runs; see docs/kubernetes.md"
    where.add_argument("--kubernetes", action="store_true", help=cluster)
    containers = "use the containers that this folder's compose.yaml starts; see docs/compose.md"
    where.add_argument("--compose", type=Path, metavar="FOLDER", help=containers)
    image = "with --compose: the candidate's image by its digest, built from the package"
    canary.add_argument("--image", metavar="REFERENCE", help=image)
    package = "the package of the candidate, whose settings apply"
    canary.add_argument("--package", type=Path, required=True, metavar="FILE", help=package)
    route = "the HTTPRoute whose weights divide the requests (default: scoring)"
    canary.add_argument("--route", default="scoring", metavar="NAME", help=route)
    token = "file with the bearer token of the servers"  # noqa: S105
    canary.add_argument("--token-file", type=Path, metavar="FILE", help=token)
    folder = "folder for the state of the rollout (default: rollout)"
    canary.add_argument("--folder", type=Path, default=Path("rollout"), help=folder)
    wait = f"seconds until the servers must be ready (default: {_READY_SECONDS:g})"
    canary.add_argument("--wait", type=float, default=_READY_SECONDS, metavar="SECONDS", help=wait)
    api = "address of an API server, such as that of 'kubectl proxy', instead of the cluster's own"
    canary.add_argument("--api", metavar="URL", help=api)
    namespace = "namespace of the route and the servers (default: that of this pod)"
    canary.add_argument("--namespace", metavar="NAME", help=namespace)
    canary.add_argument("--json", action="store_true", help="print the verdict as JSON")


def add_start(rollout: Commands) -> None:
    """Add `start` to the commands of `sluice rollout`."""
    meaning = "start production in containers: proxy, champion, Prometheus and Grafana"
    start = rollout.add("start", _start, meaning)
    folder = "the folder deploy/compose; see docs/compose.md"
    start.add_argument("--compose", type=Path, required=True, metavar="FOLDER", help=folder)
    image = "the champion's image by its digest"
    start.add_argument("--image", required=True, metavar="REFERENCE", help=image)


def _start(options: argparse.Namespace) -> int:
    from sluice.rollout.compose.containers import Containers

    Containers(options.compose).open(options.image)
    print(f"production runs; callers send the token in {options.compose / 'secrets/token'}")
    return 0


def _canary(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.package.archive import opened
    from sluice.rollout import ladder, state

    walk = _on_cluster if options.kubernetes else _in_containers
    try:
        with opened(options.package) as package, state.locked(options.folder) as free:
            if not free:
                return say(f"{options.folder}: another process runs this rollout", UNDECIDED)
            last = walk(options, package)
    except KeyboardInterrupt:
        return say("the rollout was stopped before the canary received any request", UNDECIDED)
    verdict = ladder.verdict_of(last)
    if options.json:
        print(files.encode_record(verdict).decode(), end="")
    else:
        for finding in verdict.findings:
            show_result(finding.name, finding.status, finding.why)
    show_to = sys.stderr if options.json else sys.stdout
    print(one_line(f"{last.phase}: {last.why}"), file=show_to)
    return _status(last)


def _on_cluster(options: argparse.Namespace, package: Package) -> State:
    from sluice.rollout.kubernetes import canary
    from sluice.rollout.kubernetes.traffic import ClusterTraffic

    traffic = ClusterTraffic(_place(options, package))
    return canary.run(traffic, options.folder, package, options.wait, _progress)


def _in_containers(options: argparse.Namespace, package: Package) -> State:
    from sluice.rollout.compose import canary
    from sluice.rollout.compose.containers import Containers

    if options.image is None:
        raise SluiceError("--compose needs --image, the candidate's image by its digest")
    containers = Containers(options.compose)
    return canary.run(containers, options.folder, package, options.image, _progress)


def _place(options: argparse.Namespace, package: Package) -> Place:
    from sluice.rollout.kubernetes.api import Api, in_cluster
    from sluice.rollout.kubernetes.traffic import Place
    from sluice.rollout.machine.slow import slow_seconds

    if options.api is not None and options.namespace is not None:
        api, namespace = Api(options.api), options.namespace
    else:
        api, own = in_cluster()
        namespace = options.namespace or own
    slow = slow_seconds(package)
    return Place(api, namespace, options.route, options.token_file, slow)


def _status(last: State) -> int:
    from sluice.rollout.state import Phase
    from sluice.verdict import Status

    if last.phase is Phase.PROMOTED:
        return 0
    return REFUSED if last.verdict is Status.FAIL else UNDECIDED


def _progress(now: State) -> None:
    seen = f"{len(now.intervals)} intervals"
    print(one_line(f"{now.phase}: {now.weights}; {seen}; {now.why}"), file=sys.stderr, flush=True)
