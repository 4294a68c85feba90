"""A canary in containers: a real Traefik reads the files of deploy/compose."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sluice import cli
from sluice.errors import SluiceError
from sluice.rollout import state
from sluice.rollout.compose import containers, traffic
from sluice.rollout.state import Phase
from sluice.rollout.weights import ALL_STABLE, ARMS
from support.kubernetes.gateway import free_port
from support.rollout import until

FILES = Path(__file__).parents[2] / "deploy/compose"
OLD, NEW = (f"ghcr.io/octo/{name}@sha256:{name[0] * 64}" for name in ("a-old", "b-new"))


class Site:
    """Production of one folder: a server for each arm, Traefik, and a stand-in for Prometheus.

    failing: the arms that answer with 500. lost: statuses of callers that got no 200.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.failing = folder, set[str]()
        self.calls: list[tuple[str, ...]] = []
        self.lost: list[int] = []
        self.web, self.api = free_port(), free_port()
        self._done = threading.Event()
        self._servers = [self._serve(name) for name in (*ARMS, "prometheus")]
        self.prometheus = self._servers[-1].server_port
        self._write()
        output = (folder / "output").open("wb")
        program = Path(sys.executable).with_name("traefik")
        self._traefik = subprocess.Popen(
            [program, f"--configFile={folder / 'traefik/traefik.yaml'}"],
            stdout=output,
            stderr=output,
        )
        self._callers = threading.Thread(target=self._call, daemon=True)
        until(lambda: self.ask() == 200)
        self._callers.start()

    def close(self) -> None:
        self._done.set()
        self._callers.join(20)
        self._traefik.terminate()
        self._traefik.wait(20)
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def ask(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=10)
        try:
            connection.request("GET", "/score")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def weights(self) -> dict[str, int]:
        content = json.loads((self.folder / "traefik/arms/arms.yaml").read_bytes())
        listed = content["http"]["services"]["arms"]["weighted"]["services"]
        return {each["name"]: each["weight"] for each in listed}

    def _call(self) -> None:
        while not self._done.wait(0.01):
            if (status := self.ask()) != 200:
                self.lost.append(status)

    def _write(self) -> None:
        shutil.copytree(FILES, self.folder, dirs_exist_ok=True)
        static, arms = (
            self.folder / "traefik" / name for name in ("traefik.yaml", "arms/arms.yaml")
        )
        text = static.read_text().replace("/etc/traefik", str(self.folder / "traefik"))
        text = text.replace(":8080", f"127.0.0.1:{self.web}").replace(
            ":8081", f"127.0.0.1:{self.api}"
        )
        static.write_text(_with_slowest(text))
        text = arms.read_text()
        for arm, server in zip(ARMS, self._servers, strict=False):
            text = text.replace(f"http://{arm}:8080", f"http://127.0.0.1:{server.server_port}")
        arms.write_text(text)
        (self.folder / ".env").write_text(f"# images\nCHAMPION={OLD}\nSLUICE_PORT=80\n")

    def _serve(self, name: str) -> ThreadingHTTPServer:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                samples = [{"metric": {"arm": arm}, "value": [0.0, "0"]} for arm in ARMS]
                said = {"status": "success", "data": {"result": samples}}
                failed = name in site.failing and self.path == "/score"
                content = json.dumps(said).encode()
                self.send_response(500 if failed else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


def _with_slowest(static: str) -> str:
    """Add a bucket for the fixture project's limit for slow answers."""
    return static.replace("    - 2.5\n", "    - 2.5\n    - 5.0\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path / "compose")
    monkeypatch.setattr(traffic, "API", made.api)
    monkeypatch.setattr(traffic, "PROMETHEUS", made.prometheus)
    record = lambda _, *arguments: made.calls.append(arguments)  # noqa: E731
    monkeypatch.setattr(containers.Containers, "_compose", record)
    monkeypatch.setattr(containers, "_command", lambda: ["docker-compose"])
    yield made
    made.close()


def canary(site: Site, pair: Any, image: str = NEW) -> int:
    given = ("--compose", site.folder, "--package", pair.candidate, "--image", image)
    return cli.main(["rollout", "canary", *map(str, given), "--folder", str(site.folder / "state")])


def test_the_canary_passes_each_step_and_takes_over_after_an_approval(
    site: Site, pair: Any
) -> None:
    folder = site.folder / "state"

    def approve() -> None:
        def passed() -> bool:
            known = state.read(folder)
            return known is not None and known.phase is Phase.PASSED

        until(passed, 100)
        command = [sys.executable, "-P", "-m", "sluice.cli", "rollout", "approve"]
        subprocess.run([*command, "--folder", folder], check=True, capture_output=True)

    approver = threading.Thread(target=approve)
    approver.start()
    assert canary(site, pair) == 0
    approver.join()
    up = ("up", "--detach", "--no-deps")
    assert site.calls == [
        (*up, "baseline", "canary"),
        (*up, "stable"),
        ("stop", "baseline", "canary"),
    ]
    named = (site.folder / ".env").read_text()
    assert f"CHAMPION={NEW}\n" in named
    assert "SLUICE_PORT=80\n" in named
    assert site.weights() == {"stable": 100, "baseline": 0, "canary": 0}
    assert site.lost == []


def test_a_canary_that_fails_is_rolled_back_and_stopped(site: Site, pair: Any) -> None:
    site.failing.add("canary")
    assert canary(site, pair) == 1
    assert site.calls[-1] == ("stop", "baseline", "canary")
    assert f"CHAMPION={OLD}\n" in (site.folder / ".env").read_text()
    last = state.read(site.folder / "state")
    assert last is not None
    assert (last.phase, last.weights) == (Phase.ROLLED_BACK, ALL_STABLE)
    assert site.weights()["canary"] == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The error line with which the command refuses."""
    assert cli.main(["rollout", "canary", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1), said
    return said.err


def test_missing_inputs_are_reported_before_anything_starts(
    tmp_path: Path, pair: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "compose"
    package = ("--package", pair.candidate)
    given = ("--compose", folder, *package, "--image")
    assert "--compose needs --image" in refused(capsys, "--compose", folder, *package)
    assert "has no compose.yaml: name the folder" in refused(capsys, *given, NEW)
    shutil.copytree(FILES, folder)
    (folder / ".env").unlink(missing_ok=True)
    assert "names no CHAMPION: start production first" in refused(capsys, *given, NEW)
    (folder / ".env").write_text(f"CHAMPION={OLD}\n")
    static = folder / "traefik/traefik.yaml"
    assert "has no bucket of at least 5 s" in refused(capsys, *given, NEW)
    static.write_text(_with_slowest(static.read_text()))
    assert "is not an image by digest" in refused(capsys, *given, "ghcr.io/octo/shop:latest")
    assert "serves already" in refused(capsys, *given, OLD)


def test_an_error_of_compose_becomes_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FILES, tmp_path / "compose")
    program = tmp_path / "docker-compose"
    program.write_text("#!/bin/sh\necho pulling >&2\necho 'manifest unknown' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(containers, "_command", lambda: [str(program)])
    made = containers.Containers(tmp_path / "compose")
    with pytest.raises(SluiceError, match=r"Compose could not stop canary: manifest unknown$"):
        made.stop("canary")


def test_production_starts_with_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, ...]] = []
    record = lambda _, *arguments: calls.append(arguments)  # noqa: E731
    monkeypatch.setattr(containers.Containers, "_compose", record)
    monkeypatch.setattr(containers, "_command", lambda: ["docker", "compose"])
    folder = tmp_path / "compose"
    shutil.copytree(FILES, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    given = ["rollout", "start", "--compose", str(folder), "--image"]
    for _ in range(2):
        assert cli.main([*given, OLD]) == 0
    services = ("proxy", "stable", "prometheus", "grafana")
    assert calls == [("up", "--detach", "--wait", *services)] * 2
    named = (folder / ".env").read_text()
    assert f"\nCHAMPION={OLD}\n" in named
    assert "COMPOSE_PROJECT_NAME=sluice\n" in named
    token, grafana = ((folder / "secrets" / name).read_text() for name in ("token", "grafana"))
    assert token != grafana
    assert len(token) >= 32
    capsys.readouterr()
    assert cli.main([*given, NEW]) == 2
    assert "is the champion here: roll" in capsys.readouterr().err
