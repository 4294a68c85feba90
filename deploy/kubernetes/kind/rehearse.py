"""A rollout on a kind cluster, under load: canary, promotion, and a canary that cannot start.

The script needs docker, kind and kubectl, the image `candidate` of the newest package in dist/, and
a network for the images of the cluster. Afterwards it removes everything that it made. `make
cluster` runs it.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluice.package.archive import opened
from sluice.rollout.rehearsal import load
from sluice.rollout.rehearsal.clients import Plan
from sluice.rollout.rehearsal.load import Load

HERE = Path(__file__).parent
CLUSTER, NAMESPACE, IMAGE = "sluice-rehearsal", "scoring", "sluice"
CONTEXT = f"kind-{CLUSTER}"
# The version that Traefik was built with.
DEFINITIONS = (
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.3/standard-install.yaml"
)
RATE = 100.0  # requests a second
ROLLOUT_SECONDS = 1_200


def main() -> int:
    packages = sorted(Path("dist").glob("*.tar"), key=lambda path: path.stat().st_mtime)
    if not packages:
        return _fail("there is no package in dist/: run make package, make wheels and make image")
    with cluster(), opened(packages[-1]) as package:
        token = install()
        plan = Plan(8080, token, RATE, load.records(package))
        wait_for_gateway(token)
        with Load(plan) as callers:
            canary()
            check(weights() == [100, 0, 0], f"after the canary the weights are {weights()}")
            promote()
            canary_that_cannot_start()
            sent = callers.end()
    lost = [each for each in sent if each.status != 200]
    check(len(sent) > RATE * 60, f"only {len(sent)} requests were sent")
    check(not lost, f"{len(lost)} of {len(sent)} requests were lost, the first with {lost[:1]}")
    print(f"0 of {len(sent):,} requests were lost")
    return 0


@contextmanager
def cluster() -> Iterator[None]:
    """A cluster with the image under two tags; removed at the end, after its state if it failed."""
    for tag in ("champion", "candidate"):
        run("docker", "tag", "candidate", f"{IMAGE}:{tag}")
    run("kind", "create", "cluster", f"--name={CLUSTER}", f"--config={HERE / 'cluster.yaml'}")
    try:
        run("kind", "load", "docker-image", f"{IMAGE}:champion", f"--name={CLUSTER}")
        run("kind", "load", "docker-image", f"{IMAGE}:candidate", f"--name={CLUSTER}")
        yield
    except BaseException:
        for what in (["get", "all,httproutes", "--output=wide"], ["get", "events"]):
            subprocess.run([*_kubectl(), *what], check=False, timeout=60)
        for name in ("deployment/server-stable", "deployment/server-canary", "job/rollout"):
            subprocess.run([*_kubectl(), "logs", name, "--tail=50"], check=False, timeout=60)
        raise
    finally:
        run("kind", "delete", "cluster", f"--name={CLUSTER}")


def install() -> str:
    """The gateway, the champion and the route; returns the token of the servers."""
    kubectl("apply", "--server-side", f"--filename={DEFINITIONS}")
    kubectl("apply", f"--filename={HERE / 'gateway.yaml'}")
    kubectl("apply", f"--filename={HERE / 'class.yaml'}")
    token = secrets.token_urlsafe()
    kubectl("create", "namespace", NAMESPACE)
    kubectl("create", "secret", "generic", "sluice-token", f"--from-literal=token={token}")
    kubectl("apply", f"--kustomize={HERE / 'production'}")
    kubectl("apply", f"--kustomize={HERE.parent / 'route'}")
    kubectl("rollout", "status", "deployment/server-stable", "--timeout=300s")
    return token


def wait_for_gateway(token: str) -> None:
    header = f"Authorization: Bearer {token}"
    command = ["curl", "--fail", "--silent", "--header", header, "http://127.0.0.1:8080/v2"]
    end = time.monotonic() + 120
    while subprocess.run(command, check=False, capture_output=True, timeout=30).returncode:
        check(time.monotonic() < end, "the gateway did not answer within 120 s")
        time.sleep(1)


def canary() -> None:
    """A candidate that is as good as the champion passes."""
    kubectl("apply", f"--kustomize={HERE / 'canary'}")
    ended = finished()
    kubectl("logs", "job/rollout", "--tail=20")
    check(ended == "Complete", f"the job of the canary ended as {ended}")


def promote() -> None:
    """The servers of stable are replaced one by one."""
    kubectl("set", "image", "deployment/server-stable", f"server={IMAGE}:candidate")
    kubectl("rollout", "status", "deployment/server-stable", "--timeout=300s")


def canary_that_cannot_start() -> None:
    """An image that does not exist must get no request, and must not pass."""
    kubectl("delete", "job", "rollout")
    kubectl("set", "image", "deployment/server-canary", f"server={IMAGE}:nowhere")
    kubectl("scale", "deployment/server-canary", "--replicas=0")
    kubectl("scale", "deployment/server-canary", "--replicas=2")
    objects = output("kustomize", str(HERE / "canary")).split("\n---\n")
    (job,) = [each for each in objects if "\nkind: Job\n" in each]
    kubectl("apply", "--filename=-", given=with_argument(job, "--wait=30"))
    ended = finished()
    check(ended == "Failed", f"the job of a canary that cannot start ended as {ended}")
    check(weights() == [100, 0, 0], f"a canary that cannot start left the weights {weights()}")


def with_argument(job: str, argument: str) -> str:
    """The manifest of the job with one more argument of its command."""
    changed = re.sub(r"( *- )(--folder=\S+)", rf"\1\2\n\g<1>{argument}", job)
    check(changed != job, "the manifest of the job has no argument --folder")
    return changed


def finished() -> str:
    """How the job of the rollout has ended."""
    end = time.monotonic() + ROLLOUT_SECONDS
    while time.monotonic() < end:
        conditions = json.loads(output("get", "job/rollout", "--output=json"))["status"]
        found = [c["type"] for c in conditions.get("conditions", []) if c["status"] == "True"]
        if ended := {"Complete", "Failed"} & set(found):
            return ended.pop()
        time.sleep(2)
    return "not at all"


def weights() -> list[int]:
    """The weights of stable, baseline and canary."""
    rules = json.loads(output("get", "httproute/scoring", "--output=json"))["spec"]["rules"]
    return [backend["weight"] for backend in rules[0]["backendRefs"]]


def kubectl(*arguments: str, given: str | None = None) -> None:
    run(*_kubectl(), *arguments, given=given)


def output(*arguments: str) -> str:
    command = [*_kubectl(), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return done.stdout


def run(*command: str, given: str | None = None) -> None:
    subprocess.run(command, check=True, input=given, text=True, timeout=600)


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"sluice: {otherwise}")


def _kubectl() -> list[str]:
    return ["kubectl", f"--context={CONTEXT}", f"--namespace={NAMESPACE}"]


def _fail(line: str) -> int:
    print(f"sluice: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
