"""A request that a proxy sent to a second server may be logged twice; its row is counted once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sluice.scoring_log.record import LogRecord
from support.fixture_project import Toy
from support.fixture_project.data import table
from support.monitor import END, Logged, put_file

START = 1_774_900_000.0  # 2026-03-30, the last complete day but one
HOUR = 3_600


class Hosts:
    """Two servers that write a record every half second, and what a monitor says of their log."""

    def __init__(self, toy: Toy, logged: Logged, folder: Path) -> None:
        self.toy, self.logged, self.folder = toy, logged, folder
        folder.mkdir()
        rows = table("binary", 300, 7)
        times = [START + at / 2 for at in range(300)]
        made = logged.records(rows, times, [f"c{at}" for at in range(300)])
        self.records = [replace(one, x_request_id=f"x{at}") for at, one in enumerate(made)]

    def put(self, host: str, records: Sequence[LogRecord], *, segment: bool = False) -> Path:
        header = self.logged.named(host=host, instance=host).header
        return put_file(self.folder, header, list(records), records[0].time / 1e6, segment=segment)

    def log(self, *more: str) -> dict[str, Any]:
        """The findings of `sluice monitor log` by their names."""
        given = ["--package", str(self.toy.package), "--cache", str(self.folder.parent / "cache")]
        ran = self.toy.sluice("monitor", "log", str(self.folder), *given, *more, "--json")
        found = {one["name"]: one for one in json.loads(ran.out)["findings"]}
        return {"rows": found["log/records with an id"]["n"]} | found

    def drift(self) -> Any:
        given = ["--package", str(self.toy.package), "--until", str(END)]
        given += ["--cache", str(self.folder.parent / "cache"), "--json"]
        return json.loads(self.toy.sluice("monitor", "drift", str(self.folder), *given).out)


@pytest.fixture
def hosts(green: Toy, tmp_path: Path) -> Hosts:
    return Hosts(green, Logged.of(green), tmp_path / "log")


def later(record: LogRecord, seconds: float, **changes: Any) -> LogRecord:
    """The record of another attempt."""
    return replace(record, time=record.time + int(seconds * 1e6), **changes)


TWICE = "log/rows that were logged twice"


@pytest.mark.parametrize("segment", [False, True])
def test_a_request_of_a_server_that_was_killed_is_counted_once(hosts: Hosts, segment: bool) -> None:
    first, second = hosts.records[:100], hosts.records[100:]
    hosts.put("two", second)
    whole = hosts.put("one", first, segment=segment)
    before = (hosts.log()["rows"], hosts.drift())
    assert before[0] == 300
    # The last three records of the first server are first attempts: the second one answered two of
    # these requests, and the third attempt of the last one was answered by a third server.
    whole.unlink()
    hosts.put("three", [later(second[2], 0.9)])
    again = [later(second[0], 0.4), later(second[1], -0.05)]  # clocks may differ
    hosts.put("one", [*first, *again, later(second[2], -0.01)], segment=segment)
    for _ in range(2):  # then from the cache
        found = hosts.log()
        assert found["rows"] == 300
        assert (found[TWICE]["n"], found[TWICE]["status"]) == (4, "pass")
        assert "4, counted once" in found[TWICE]["why"]
    assert hosts.drift() == before[1]


def test_a_pause_of_the_proxy_is_seen_within_one_file(hosts: Hosts) -> None:
    """The only server has scored the request, and does so again after the time-out."""
    paused = hosts.records[:50]
    rest = [later(one, 8) for one in hosts.records[50:]]
    hosts.put("one", [*paused, later(paused[-1], 7), *rest])
    found = hosts.log()
    assert (found["rows"], found[TWICE]["n"]) == (300, 1)


def test_what_only_looks_like_a_second_attempt_is_counted(hosts: Hosts) -> None:
    """Answered requests are not sent again: these callers have used one id for several calls."""
    first, second = hosts.records[:100], hosts.records[100:]
    last = first[-1]
    inputs = replace(last, features=second[0].features)
    others = [
        later(inputs, 0.3),  # other inputs
        later(last, 0.4, row=1),  # another row
        later(last, 0.5, id="other"),
        later(last, HOUR),  # too late for a proxy
    ]
    hosts.put("one", first)
    hosts.put("two", sorted([*second, *others], key=lambda one: one.time))
    hosts.put("three", [replace(one, x_request_id=None) for one in second[-20:]])
    found = hosts.log()
    assert TWICE not in found
    assert found["rows"] == 324


def test_one_id_of_many_answered_calls_is_no_second_attempt(hosts: Hosts) -> None:
    last = hosts.records[99]
    hosts.put("one", hosts.records[:100])
    alike = [later(last, 1 + at / 4) for at in range(8)]
    hosts.put("two", sorted([*hosts.records[100:], *alike], key=lambda one: one.time))
    assert TWICE not in hosts.log()
