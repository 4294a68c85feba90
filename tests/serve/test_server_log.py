"""The scoring log of a running server: after kills, with a full disk, and its columns."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from sluice.model import Input, Signature
from sluice.scoring_log import file_names
from sluice.scoring_log.compact import compact
from sluice.serve.worker import logged_columns
from support.serving.server import RunningServer, running


class Load:
    """Clients that send requests without a pause, and keep the ids of acknowledged ones."""

    def __init__(self, server: RunningServer, record: dict[str, object], clients: int) -> None:
        self.acknowledged: list[str] = []
        self._server, self._record = server, record
        self._over = threading.Event()
        self._clients = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]

    @contextmanager
    def running(self) -> Iterator[None]:
        for client in self._clients:
            client.start()
        try:
            yield
        finally:
            self._over.set()
            for client in self._clients:
                client.join()

    def _ask(self, client: int) -> None:
        number = 0
        connection = None
        while not self._over.is_set():
            number += 1
            name = f"{client}-{number}-{time.monotonic_ns()}"
            body = msgspec.json.encode({"records": [self._record], "id": name})
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(
                        self._server.host, self._server.port, timeout=60
                    )
                connection.request("POST", "/score", body)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status == 200 and msgspec.json.decode(said)["id"] == name:
                    self.acknowledged.append(name)
            except (OSError, http.client.HTTPException, msgspec.DecodeError):
                connection = None


def assert_each_once(server: RunningServer, acknowledged: list[str]) -> None:
    found = Counter(record["request"] for record in server.logged())
    lost = [name for name in acknowledged if name not in found]
    doubled = [name for name, times in found.items() if times > 1]
    assert (lost, doubled) == ([], [])


def test_acknowledged_requests_are_logged_once_although_workers_are_killed(
    serve, content, size: Callable[[int, int], int]
):
    kills = size(5, 300)
    with serve("--workers", "2", "--log-segment", "60000", "--log-sync", "0.2") as server:
        load = Load(server, content.rows[0], clients=4)
        killed = 0
        with load.running():
            while killed < kills:
                time.sleep(0.25)
                for pid in server.workers[:1]:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        assert len(load.acknowledged) > 100
        assert_each_once(server, load.acknowledged)
        server.stop()
        compact(server.log)
        assert_each_once(server, load.acknowledged)


def test_acknowledged_requests_are_logged_once_although_the_whole_server_is_killed(
    serve, content, size: Callable[[int, int], int]
):
    acknowledged: list[str] = []
    for _ in range(size(2, 100)):
        with serve("--log-segment", "50000") as server:
            load = Load(server, content.rows[0], clients=4)
            with load.running():
                time.sleep(0.4)
                workers = server.workers
                for pid in [server.process.pid, *workers]:
                    os.kill(pid, signal.SIGKILL)
                server.process.wait()
                _wait_until_gone(workers)  # a dying process still locks its segment
            acknowledged += load.acknowledged
    assert_each_once(server, acknowledged)
    assert len(acknowledged) > 50
    compact(server.log)
    assert_each_once(server, acknowledged)
    assert file_names.list_segments(server.log) == []


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < deadline, "workers still run without their supervisor"
        time.sleep(0.05)


def test_workers_stop_when_their_supervisor_is_killed(serve):
    with serve("--workers", "2") as server:
        workers = server.workers
        assert len(workers) == 2
        server.process.kill()
        server.process.wait()
        _wait_until_gone(workers)


def test_a_running_server_converts_segments_to_parquet(serve, content):
    with serve("--log-segment", "1500") as server:
        for number in range(60):
            assert server.score(content.rows[0], id=f"r-{number}").status == 200
        deadline = time.monotonic() + 120
        while len(list(server.log.glob(f"*{file_names.PARQUET}"))) < 3:
            assert time.monotonic() < deadline, server.stderr.read_text()
            time.sleep(0.1)
        assert [r["request"] for r in server.logged()] == [f"r-{n}" for n in range(60)]


def test_the_next_server_converts_the_segments_of_a_killed_one(serve, content):
    with serve() as first:
        assert first.score(content.rows[0], id="before").status == 200
        for pid in [first.process.pid, *first.workers]:
            os.kill(pid, signal.SIGKILL)
        first.process.wait()
    with serve() as second:
        deadline = time.monotonic() + 120
        while not list(second.log.glob(f"*{file_names.PARQUET}")):
            assert time.monotonic() < deadline, second.stderr.read_text()
            time.sleep(0.1)
        assert second.score(content.rows[0], id="after").status == 200
        assert [r["request"] for r in second.logged()] == ["before", "after"]


def test_each_row_of_a_request_is_a_record(serve, content):
    rows = content.rows[:7]
    with serve() as server:
        answer = server.score(*rows, id="seven").json
        records = server.logged()
    assert [(r["request"], r["row"]) for r in records] == [("seven", n) for n in range(7)]
    assert [r["score"] for r in records] == [r["score"] for r in answer["results"]]
    assert [r["decision"] for r in records] == [r["decision"] for r in answer["results"]]
    for record, row in zip(records, rows, strict=True):
        known = {k: v if v is None or isinstance(v, str) else float(v) for k, v in row.items()}
        assert record["features"] == known
        assert 0 < record["latency"] < 10
        assert abs(record["time"] / 1e6 - time.time()) < 600
        assert record["version"] == server.version


def test_a_server_without_disk_reserve_is_not_ready_but_loses_nothing(serve, content):
    with serve("--log-reserve", str(2**60)) as server:
        assert server.get("/v2/health/live").status == 200
        ready = server.get("/v2/health/ready")
        assert ready.status == 503
        assert "scoring log" in ready.error
        assert server.get(f"/v2/models/{server.name}/ready").status == 503
        assert server.score(content.rows[0], id="still").status == 200
        assert [r["request"] for r in server.logged()] == ["still"]


def test_with_a_full_disk_only_logged_requests_are_acknowledged(content, tmp_path):
    rows = (content.rows * 20)[:200]
    with running(content.folder, tmp_path, file_size=100_000) as server:
        answers = [server.score(*rows, id=f"r-{n}") for n in range(10)]
        good = [n for n, answer in enumerate(answers) if answer.status == 200]
        full = [answer for answer in answers if answer.status != 200]
        assert good
        assert full
        for answer in full:
            assert answer.status == 503
            assert answer.headers["retry-after"]
            assert "scoring log" in answer.error
        found = [(r["request"], r["row"]) for r in server.logged()]
        assert found == [(f"r-{n}", row) for n in good for row in range(200)]


@pytest.mark.parametrize(
    ("features", "expected"), [("none", None), ("weight, colour", {"weight", "colour"})]
)
def test_log_features_chooses_the_logged_columns(serve, content, features, expected):
    with serve("--log-features", features) as server:
        assert server.score(content.rows[0]).status == 200
        (record,) = server.logged()
    assert (set(record["features"]) if expected else record.get("features")) == expected


def test_sensitive_columns_are_never_logged():
    inputs = (Input("pay", "number"), Input("born", "number", sensitive=True))
    signature = Signature("binary", inputs, ("0", "1"))
    assert [column.name for column in logged_columns(signature, "all")] == ["pay"]
    with pytest.raises(Exception, match="'born' is sensitive and is never logged"):
        logged_columns(signature, "pay,born")


def test_an_unknown_column_in_log_features_refuses_the_start(serve):
    with (
        pytest.raises(AssertionError, match="'nothing' is not an input of this model"),
        serve("--log-features", "nothing"),
    ):
        pass
