"""A real Traefik as the gateway of the double, in front of servers of this machine."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from support.kubernetes.api_double import GATEWAY, Cluster
from support.kubernetes.manifests import FOLDER, Object, render

TRAEFIK = Path(sys.executable).with_name("traefik")
NAMESPACE = "scoring"


def gateway(port: int) -> list[Object]:
    """The gateway that an administrator of the cluster has set up."""
    return [
        {
            "apiVersion": f"{GATEWAY}/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "traefik"},
            "spec": {"controllerName": "traefik.io/gateway-controller"},
        },
        {
            "apiVersion": f"{GATEWAY}/v1",
            "kind": "Gateway",
            "metadata": {"name": "gateway", "namespace": "gateway"},
            "spec": {
                "gatewayClassName": "traefik",
                "listeners": [
                    {
                        "name": "web",
                        "protocol": "HTTP",
                        "port": port,
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gateway"}},
    ]


def arms(ports: Mapping[str, int]) -> list[Object]:
    """The objects of the arms as a cluster has them. ports: the port of each arm's server."""
    found = [each for each in render(FOLDER / "overlays/production") if each["kind"] == "Service"]
    found += render(FOLDER / "route")
    found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for arm, port in ports.items():
        found += [pod(arm, port), endpoints(arm, port)]
    return found


def endpoints(arm: str, port: int) -> Object:
    """The endpoints that a cluster derives from the service and the ready pods of an arm."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"server-{arm}-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": f"server-{arm}"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
    }


def pod(arm: str, port: int, name: str = "", restarts: int = 0, ready: bool = True) -> Object:
    """A pod whose server listens on a port of this machine."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name or f"server-{arm}-1",
            "namespace": NAMESPACE,
            "labels": {
                "app.kubernetes.io/name": "scoring",
                "app.kubernetes.io/component": arm,
            },
        },
        "spec": {
            "containers": [{"name": "server", "ports": [{"name": "http", "containerPort": port}]}]
        },
        "status": {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "server", "restartCount": restarts}],
        },
    }


@contextmanager
def traefik(cluster: Cluster, port: int, folder: Path) -> Iterator[None]:
    """Run Traefik on a port until the block ends."""
    static = folder / "traefik.json"
    static.write_text(
        json.dumps(
            {
                "entryPoints": {"web": {"address": f"127.0.0.1:{port}"}},
                "providers": {
                    "providersThrottleDuration": "50ms",
                    "kubernetesGateway": {"endpoint": cluster.url, "token": "of-no-value"},
                },
                "log": {"level": "INFO"},
                "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            }
        )
    )
    output = folder / "traefik.log"
    with output.open("wb") as log:
        process = subprocess.Popen([TRAEFIK, f"--configFile={static}"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, folder: Path) -> None:
    """Wait until the gateway sends requests to a server."""
    for _ in range(400):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/v2/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise AssertionError((folder / "traefik.log").read_text()[-3000:])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
