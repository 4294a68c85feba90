"""Production on one machine: Compose and Traefik read their files, and a policy checks them."""

from __future__ import annotations

import copy
import http.client
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice.rollout.machine import proxy
from sluice.rollout.machine.record import Machine, Process, Server
from sluice.rollout.weights import ARMS, Weights
from support.kubernetes.gateway import free_port

FOLDER = Path(__file__).parents[2] / "deploy/compose"
DIGEST = "@sha256:" + "a" * 64
Services = dict[str, dict[str, Any]]
_SERVERS = {"stable", "baseline", "canary"}


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Compose, version 2 or, as Debian 12 has it, version 1."""
    plugin = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
    command = ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]
    assert shutil.which(command[0]), "Compose is not installed: run 'make tools'"
    return subprocess.run(
        [*command, "--file", FOLDER / "compose.yaml", *arguments],
        cwd=FOLDER,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, **environment},
    )


@pytest.fixture(scope="module")
def services() -> Services:
    """The configuration that Compose itself reads, with all profiles."""
    images = {"CHAMPION": f"ghcr.io/octo/shop{DIGEST}", "CANDIDATE": f"ghcr.io/octo/next{DIGEST}"}
    done = compose("--profile", "canary", "config", **images)
    assert done.returncode == 0, done.stderr
    found: Services = yaml.safe_load(done.stdout)["services"]
    return found


def complaints(services: Services) -> list[str]:
    """Properties that no production container may have."""
    return [f"{name}: {said}" for name, each in services.items() for said in _of(name, each)]


def _of(name: str, service: dict[str, Any]) -> Iterator[str]:
    if not re.search(r"@sha256:[0-9a-f]{64}$", service["image"]):
        yield "its image has no digest"
    if not service.get("read_only"):
        yield "it may write to its root file system"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "it keeps capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"] or service.get("privileged"):
        yield "it may get more privileges"
    if str(service.get("user", "0")).split(":")[0] in ("0", "root"):
        yield "it may run as root"
    if "mem_limit" not in service or "pids_limit" not in service:
        yield "it has no limits"
    if "healthcheck" not in service:
        yield "nobody sees that it does not work"
    if "max-size" not in service.get("logging", {}).get("options", {}):
        yield "its output fills the disk"
    if any("docker.sock" in str(volume) for volume in service.get("volumes", ())):
        yield "it rules the container engine"
    if name in _SERVERS:
        yield from _of_server(service)


def _of_server(service: dict[str, Any]) -> Iterator[str]:
    if not any(str(volume).find("/log") >= 0 for volume in service.get("volumes", ())):
        yield "it loses its scoring log"
    if "--lame-duck-seconds=5" not in service["command"]:
        yield "it stops before the proxy knows"
    if service.get("ports"):
        yield "it can be reached past the proxy"


def test_production_is_within_the_policy(services: Services) -> None:
    assert set(services) == {"proxy", *_SERVERS, "prometheus", "grafana"}
    assert complaints(services) == []
    assert services["baseline"]["image"] == services["stable"]["image"]
    assert services["canary"]["image"] != services["stable"]["image"]


_ABSENT = object()
MUTANTS: list[tuple[str, str, Any, str]] = [
    ("proxy", "image", "traefik:v3.7.13", "no digest"),
    ("stable", "image", "ghcr.io/octo/shop:latest", "no digest"),
    ("canary", "read_only", False, "write to its root"),
    ("proxy", "cap_drop", _ABSENT, "keeps capabilities"),
    ("stable", "cap_add", ["NET_ADMIN"], "keeps capabilities"),
    ("grafana", "security_opt", _ABSENT, "more privileges"),
    ("stable", "privileged", True, "more privileges"),
    ("proxy", "user", _ABSENT, "as root"),
    ("prometheus", "user", "0:0", "as root"),
    ("baseline", "mem_limit", _ABSENT, "no limits"),
    ("proxy", "pids_limit", _ABSENT, "no limits"),
    ("prometheus", "healthcheck", _ABSENT, "nobody sees"),
    ("stable", "logging", _ABSENT, "fills the disk"),
    ("proxy", "volumes", ["/var/run/docker.sock:/var/run/docker.sock"], "rules the container"),
    ("stable", "volumes", [], "loses its scoring log"),
    ("canary", "command", ["--token-file=/run/secrets/token"], "before the proxy knows"),
    ("stable", "ports", ["8082:8080"], "past the proxy"),
]


@pytest.mark.parametrize(("name", "key", "value", "said"), MUTANTS)
def test_the_policy_refuses(services: Services, name: str, key: str, value: Any, said: str) -> None:
    changed = copy.deepcopy(services)
    if value is _ABSENT:
        del changed[name][key]
    else:
        changed[name][key] = value
    assert any(each.startswith(name) and said in each for each in complaints(changed))


def test_without_the_profile_there_is_no_canary() -> None:
    done = compose("config", "--services", CHAMPION=f"shop{DIGEST}")
    assert done.returncode == 0, done.stderr
    started = set(done.stdout.split())
    if "canary" not in started:  # version 1 lists the services of all profiles
        assert started == {"proxy", "stable", "prometheus", "grafana"}
    written = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    assert {name for name, each in written.items() if "profiles" in each} == {"baseline", "canary"}


def test_a_champion_that_nobody_has_named_is_one_clear_line() -> None:
    done = compose("config")
    assert done.returncode != 0
    assert "name the image of the champion by its digest in .env" in done.stderr


# Traefik


def _written(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "traefik" / name).read_text())
    return found


def test_traefik_gets_the_configuration_of_the_rollout_on_one_machine(services: Services) -> None:
    """Both configurations differ only in addresses, and in the health check of the container."""
    assert services["proxy"]["environment"] == proxy.ENVIRONMENT
    servers = {
        arm: Server(Process(1, 1.0), 8080, port, "package", "version", "log")
        for port, arm in enumerate(ARMS, 9000)
    }
    machine = Machine(8080, 8081, 0.25, "token", servers=servers, weights=Weights.at(10))
    static = proxy.static(machine, Path("/etc/traefik/arms"))
    static["entryPoints"]["traefik"]["address"] = ":8081"
    assert _written("traefik.yaml") == static | {"ping": {"entryPoint": "traefik"}}
    dynamic = proxy.dynamic(machine)
    for arm in ARMS:
        dynamic["http"]["services"][arm]["loadBalancer"]["servers"] = [
            {"url": f"http://{arm}:8080"}
        ]
    # `dynamic` leaves out arms with weight 0; the file lists them, so that a person can set one.
    arms = dynamic["http"]["services"]["arms"]["weighted"]["services"]
    for each, weight in zip(arms, (100, 0, 0), strict=True):
        each["weight"] = weight
    assert _written("arms/arms.yaml") == dynamic


@pytest.fixture
def answering() -> Iterator[dict[str, int]]:
    """A server for each arm, which answers with the arm's name; returns their ports by arm."""
    started = []

    def start(arm: str) -> int:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(arm)))
                self.end_headers()
                self.wfile.write(arm.encode())

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started.append(server)
        return int(server.server_address[1])

    yield {arm: start(arm) for arm in ARMS}
    for server in started:
        server.shutdown()
        server.server_close()


def test_a_real_traefik_reads_it_and_follows_a_change(
    answering: dict[str, int], tmp_path: Path
) -> None:
    web, api = free_port(), free_port()
    static = (FOLDER / "traefik/traefik.yaml").read_text().replace("/etc/traefik", str(tmp_path))
    static = static.replace(":8080", f"127.0.0.1:{web}").replace(":8081", f"127.0.0.1:{api}")
    (tmp_path / "traefik.yaml").write_text(static)
    dynamic = (FOLDER / "traefik/arms/arms.yaml").read_text()
    for arm, port in answering.items():
        dynamic = dynamic.replace(f"http://{arm}:8080", f"http://127.0.0.1:{port}")
    (tmp_path / "arms").mkdir()
    _replace(tmp_path, dynamic)
    traefik = Path(sys.executable).with_name("traefik")
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [traefik, f"--configFile={tmp_path / 'traefik.yaml'}"], stdout=output, stderr=output
        )
    try:
        _wait(lambda: _get(web) == "stable")
        assert _get(api, "/ping") == "OK"
        assert Counter(_get(web) for _ in range(50)) == {"stable": 50}
        weights = ("weight: 100", "weight: 0", "weight: 0")
        for old, new in zip(weights, (60, 20, 20), strict=True):
            dynamic = dynamic.replace(old, f"weight: {new} ", 1)
        _replace(tmp_path, dynamic)
        _wait(lambda: _get(web) == "canary")
        time.sleep(0.3)
        found = Counter(_get(web) for _ in range(50))
        assert found == {"stable": 30, "baseline": 10, "canary": 10}
    finally:
        process.terminate()
        process.wait(20)


def _replace(folder: Path, text: str) -> None:
    (folder / "unfinished").write_text(text)
    (folder / "unfinished").rename(folder / "arms/arms.yaml")


def _get(port: int, path: str = "/") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# Prometheus and Grafana


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed: run 'make tools'"
    token = tmp_path / "token"
    token.write_text("of no value")
    text = (FOLDER / "prometheus/prometheus.yaml").read_text()
    (tmp_path / "prometheus.yaml").write_text(text.replace("/run/secrets/token", str(token)))
    shutil.copy(FOLDER / "prometheus/rules.yaml", tmp_path)
    command = [promtool, "check", "config", tmp_path / "prometheus.yaml"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_target_and_data_source_is_a_service(services: Services) -> None:
    scraped = yaml.safe_load((FOLDER / "prometheus/prometheus.yaml").read_text())
    targets = [
        target
        for job in scraped["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    assert {target.split(":")[0] for target in targets} == {"proxy", *_SERVERS}
    (source,) = yaml.safe_load((FOLDER / "grafana/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    assert source["uid"] == "prometheus"
    assert set(services["prometheus"]["networks"]) & set(services["grafana"]["networks"])
