"""Prometheus reads the rules, and every query of the dashboard finds what a real server exposes."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from support.fixture_project import Toy
from support.kubernetes.gateway import free_port
from support.serving.server import RunningServer, running, unpacked

FOLDER = Path(__file__).parents[2] / "deploy/compose"
RULES = FOLDER / "prometheus/rules.yaml"
DASHBOARD = FOLDER / "grafana/dashboards/servers.json"
TESTS = Path(__file__).with_name("rules.test.yaml")


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed: run 'make tools'"
    return found


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("promtool"), *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def played(folder: Path, rules: str, case: str = "") -> subprocess.CompletedProcess[str]:
    """The output of promtool's tests of the rules, or of one of these tests."""
    (folder / "rules.yaml").write_text(rules, "utf-8")
    tests = yaml.safe_load(TESTS.read_text("utf-8"))
    tests["tests"] = [one for one in tests["tests"] if case in ("", one["name"])]
    (folder / TESTS.name).write_text(yaml.safe_dump(tests), "utf-8")
    return promtool(folder, "test", "rules", TESTS.name)


def test_each_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    done = promtool(FOLDER, "check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    rules = RULES.read_text("utf-8")
    done = played(tmp_path, rules)
    assert done.returncode == 0, done.stdout + done.stderr
    fired = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", TESTS.read_text("utf-8")))
    assert fired == set(re.findall(r"alert: (\w+)", rules)), "an alert that no test sees"


HEALTHY = "nothing is wrong"
MANY = "two of a hundred requests fail"
SOME = "eight of a thousand requests fail, half of them because the log is full"
DOWN = "the server is slow and then down, and its disk fills up"


@pytest.mark.parametrize(
    ("old", "new", "case"),
    [
        ("1h > 14.4 * 0.001", "1h > 144 * 0.001", MANY),
        ("5m > 14.4 * 0.001", "5m >= 0", MANY),
        ("6h > 6 * 0.001", "6h > 14 * 0.001", SOME),
        ("internal|log|", "internal|", SOME),
        ("internal|log|", "bad_input|internal|log|", HEALTHY),
        ("for: 2m", "for: 20m", DOWN),
        (', arm!~"canary|baseline"', "", HEALTHY),
        ("24 * 3600", "60", DOWN),
        ("< 500e6", "< 5e6", DOWN),
        ("p99_5m > 0.25", "p99_5m > 2", DOWN),
    ],
)
def test_a_wrong_rule_is_noticed(tmp_path: Path, old: str, new: str, case: str) -> None:
    rules = RULES.read_text("utf-8")
    assert old in rules
    done = played(tmp_path, rules.replace(old, new), case)
    assert done.returncode == 1
    assert "exp:" in done.stdout + done.stderr, "promtool failed for another reason"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboard", FOLDER / "dashboard.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_dashboard_is_the_generated_one() -> None:
    assert DASHBOARD.read_text("utf-8") == generator().build(), "run 'make dashboard'"


def test_grafana_finds_dashboard_and_data_source() -> None:
    provider = yaml.safe_load((FOLDER / "grafana/dashboards/dashboards.yaml").read_text())
    mounted = "/etc/grafana/provisioning"
    (one,) = provider["providers"]
    assert one["options"]["path"] == f"{mounted}/{DASHBOARD.parent.relative_to(FOLDER / 'grafana')}"
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    assert f"./grafana:{mounted}:ro" in compose["services"]["grafana"]["volumes"]
    source = yaml.safe_load((FOLDER / "grafana/datasources/prometheus.yaml").read_text())
    uid = source["datasources"][0]["uid"]
    panels = [one for one in json.loads(DASHBOARD.read_text())["panels"] if one["type"] != "row"]
    assert {one["datasource"]["uid"] for one in panels} == {uid}


@pytest.fixture
def server(built: Callable[[str], Toy], tmp_path: Path) -> Iterator[RunningServer]:
    """A server with a scoring log that has answered good and bad requests."""
    package = built("binary").package
    content = unpacked(package, tmp_path / "content")
    with running(package, tmp_path) as started:
        send(started, content.rows)
        yield started


def send(server: RunningServer, rows: list[Any]) -> None:
    for at in range(10):
        assert server.score(*rows[at : at + 2]).status == 200
    assert server.score({"weight": 1}).status == 400


@contextmanager
def prometheus(server: RunningServer, folder: Path) -> Iterator[Callable[[str], list[Any]]]:
    """A Prometheus with the rules of production that reads the server every second."""
    config = yaml.safe_load((FOLDER / "prometheus/prometheus.yaml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = (one for one in config["scrape_configs"] if one["job_name"] == "servers")
    del job["authorization"]
    target = f"127.0.0.1:{server.port}"
    job["static_configs"] = [{"targets": [target], "labels": {"arm": "stable"}}]
    config["scrape_configs"] = [job]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), "utf-8")
    shutil.copy(RULES, folder)
    port = free_port()
    command = [program("prometheus"), "--config.file=prometheus.yaml", "--storage.tsdb.path=tsdb"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(command, cwd=folder) as process:
        try:
            yield lambda query: ask(port, query)
        finally:
            process.terminate()


def ask(port: int, query: str) -> list[Any]:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urlopen(url, timeout=10) as answer:
            found = json.load(answer)
    except URLError:
        return []
    assert found["status"] == "success", found
    return list(found["data"]["result"])


def queries(panels: list[dict[str, Any]]) -> dict[str, str]:
    return {
        f"{one['title']}: {target['legendFormat']}": target["expr"].replace(
            "$__rate_interval", "1m"
        )
        for one in panels
        for target in one.get("targets", ())
    }


def test_every_query_of_the_dashboard_finds_series_of_a_real_server(
    server: RunningServer, built: Callable[[str], Toy], tmp_path: Path
) -> None:
    content = unpacked(built("binary").package, tmp_path / "again")
    asked = queries(json.loads(DASHBOARD.read_text("utf-8"))["panels"])
    assert len(asked) > 15
    with prometheus(server, tmp_path) as query:
        empty = dict(asked)
        for _ in range(60):
            send(server, content.rows)
            time.sleep(1)
            empty = {title: said for title, said in asked.items() if not query(said)}
            if not empty:
                break
        assert not empty, empty
        assert query('up{job="servers"}')[0]["value"][1] == "1"
        assert query("sluice_of_no_server") == []
        legends = {name for title in asked for name in re.findall(r"\{\{(\w+)\}\}", title)}
        named = {name for said in asked.values() for one in query(said) for name in one["metric"]}
        assert legends <= named, "a legend names a label that no series has"
