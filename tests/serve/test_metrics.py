"""Metrics are well-formed, cover all workers, and are kept when a worker dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.serving.payloads import columns
from support.serving.raw_http import exchange
from support.serving.server import RunningServer, UnpackedPackage, metric

Serve = Callable[..., AbstractContextManager[RunningServer]]


def _promtool() -> str:
    found = shutil.which("promtool")
    assert found, "promtool is not installed: run 'make tools'"
    return found


def _busy(server: RunningServer, content: UnpackedPackage, times: int) -> None:
    """Send requests of both kinds and some bad ones, each on a connection of its own."""
    rows = content.rows
    for at in range(times):
        assert server.score(*rows[at : at + 3]).status == 200
        assert server.infer({"inputs": columns(content.signature, rows[:2])}).status == 200
        assert server.score({"weight": 1}).status == 400
    assert server.get("/nothing").status == 404


def test_promtool_accepts_the_metrics(serve: Serve, content: UnpackedPackage) -> None:
    with serve("--workers=2") as server:
        _busy(server, content, 5)
        page = server.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    done = subprocess.run(
        [_promtool(), "check", "metrics"],
        check=False,
        input=page.body,
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b""), done.stdout + done.stderr


def test_counts_cover_all_workers_and_survive_the_death_of_one(
    serve: Serve, content: UnpackedPackage
) -> None:
    with serve("--workers=2") as server:
        _busy(server, content, 12)

        def counted() -> dict[str, float]:
            return {
                "scores": metric(server, "sluice_requests_total", route="score"),
                "infers": metric(server, "sluice_requests_total", route="infer"),
                "rows": metric(server, "sluice_rows_total"),
                "distribution": metric(server, "sluice_score_count"),
                "bad": metric(server, "sluice_errors_total", kind="bad_input"),
                "unknown": metric(server, "sluice_errors_total", kind="not_found"),
                "decided": metric(server, "sluice_decisions_total"),
                "timed": metric(server, "sluice_request_duration_seconds_count"),
            }

        whole = {
            "scores": 24, "infers": 12, "rows": 60, "distribution": 60, "bad": 12, "unknown": 1,
            "decided": 60, "timed": 36,
        }  # fmt: skip
        # Whichever worker answers, the counts are those of both.
        assert [counted() for _ in range(4)] == [whole] * 4
        assert metric(server, "sluice_workers") == 2
        victim = server.workers[0]
        os.kill(victim, signal.SIGKILL)
        _wait(lambda: victim not in server.workers and len(server.workers) == 2)
        _wait(lambda: metric(server, "sluice_workers") == 2)
        assert counted() == whole
        assert server.score(content.rows[0]).status == 200
        assert counted() == {**whole, "scores": 25, "rows": 61, "distribution": 61,
                             "decided": 61, "timed": 37}  # fmt: skip


def _wait(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("the condition did not become true")


def test_every_metric_of_the_model_names_its_version(
    server: RunningServer, content: UnpackedPackage
) -> None:
    assert server.score(content.rows[0]).status == 200
    lines = server.get("/metrics").body.decode().splitlines()
    own = [line for line in lines if re.match(r"sluice_(?!workers|log_)", line)]
    assert len(own) > 20
    for line in own:
        assert f'model="{server.name}"' in line
        assert f'version="{server.version}"' in line


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_scores_are_counted_in_the_right_buckets(
    built: Callable[[str], Toy], tmp_path: Path, task: str
) -> None:
    from support.serving.server import running, unpacked

    package = built(task).package
    content = unpacked(package, tmp_path / "content")
    rows = content.rows[:50]
    values = content.model.score_records(rows).values
    highest = values if values.ndim == 1 else values.max(axis=1)
    with running(package, tmp_path) as server:
        assert server.score(*rows).status == 200
        page = server.get("/metrics").body.decode()
    found = re.findall(r'sluice_score_bucket\{le="([^"]+)".*\} (\S+)', page)
    assert len(found) >= 10
    for bound, count in found:
        assert float(count) == (highest <= float(bound)).sum()
    assert float(found[-1][1]) == 50
    assert float(found[0][1]) < 50, "all scores are in one bucket"


def test_the_servers_own_errors_are_there_from_the_start_with_the_value_0(serve: Serve) -> None:
    with serve() as server:
        page = server.get("/metrics").body.decode()
    found = dict(re.findall(r'sluice_errors_total\{kind="(\w+)".*\} (\S+)', page))
    own = ("internal", "log", "queue_full", "not_ready", "too_many_connections", "too_slow")
    assert found == dict.fromkeys(own, "0.0")


def test_errors_are_counted_by_their_kind(serve: Serve, content: UnpackedPackage) -> None:
    with serve("--max-body=5000", "--max-headers=2000") as server:
        row = content.rows[0]
        head = b"POST /score HTTP/1.1\r\nHost: x\r\n"
        provoked = {
            "bad_input": lambda: server.score({**row, "weight": "x"}),
            "bad_json": lambda: server.ask("POST", "/score", b"{"),
            "bad_request": lambda: server.ask("POST", "/score", b"{}"),
            "bad_method": lambda: server.get("/score"),
            "not_found": lambda: server.get("/nothing"),
            "too_large": lambda: server.ask("POST", "/score", b" " * 5001),
            "cross_origin": lambda: server.get("/v2", Origin="http://evil.example"),
            "bad_http": lambda: exchange(server, b"hello\r\n\r\n"),
            "client_gone": lambda: exchange(
                server, head + b"Content-Length: 9\r\n\r\n{", finish=True
            ),
        }
        for provoke in provoked.values():
            provoke()
        exchange(server, b"GET /v2 HTTP/1.1\r\nX: " + b"x" * 3000 + b"\r\n\r\n")
        expected = dict.fromkeys(provoked, 1.0) | {"too_large": 2.0}
        assert {k: metric(server, "sluice_errors_total", kind=k) for k in expected} == expected
        assert metric(server, "sluice_errors_total") == sum(expected.values())


def test_the_process_metrics_agree_with_the_system(serve: Serve, content: UnpackedPackage) -> None:
    with serve("--workers=2") as server:
        before = metric(server, "process_cpu_seconds_total")
        big = json.dumps({"records": content.rows[:1] * 5000}).encode()
        for _ in range(10):
            assert server.ask("POST", "/score", big).status == 200
        assert metric(server, "process_cpu_seconds_total") > before > 0
        resident = metric(server, "process_resident_memory_bytes")
        assert abs(resident - server.memory) < 0.2 * server.memory
        opened = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.workers)
        assert abs(metric(server, "process_open_fds") - opened) <= 4
        disk = os.statvfs(server.log)
        free = metric(server, "sluice_log_free_bytes")
        assert abs(free - disk.f_bavail * disk.f_frsize) < 2**30
