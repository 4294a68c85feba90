"""`sluice monitor run` always writes its report, and `rehearse` simulates a year."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice import cli
from support.fixture_project import Toy
from support.fixture_project.data import table
from support.monitor import put_log

HOSTILE = "<img src=x onerror=alert(1)>|[a](http://b)\x1b[2J"


@pytest.fixture
def log(logged: Any, tmp_path: Path) -> Path:
    """Four weeks in which a new level appears; the level and the host have hostile names."""
    frame = table("binary", 3_500, 5)
    new = np.random.default_rng(1).random(len(frame)) < 0.04
    frame["colour"] = frame["colour"].mask(new, HOSTILE)
    put_log(tmp_path / "log", logged.named(host=HOSTILE.replace("/", "_")), frame, days=28)
    return tmp_path / "log"


def test_the_report_says_first_what_changed_and_what_to_do(monitor, log, tmp_path) -> None:
    out = tmp_path / "out"
    ran = monitor("run", log, "--out", str(out))
    assert ran.status == 1, ran.said
    text, page = ((out / f"monitor.{kind}").read_text("utf-8") for kind in ("md", "html"))
    said = json.loads((out / "monitor.json").read_bytes())
    assert text.startswith("## ❌ toy-binary needs attention")
    first = text.split("| Verdict |")[0]
    assert "**What to do:** Look at what changed:" in first
    assert "drift/colour" in first
    assert page.index("Look at what changed") < page.index("<h2>What changed</h2>")
    assert page.count("<svg") == 1 + 6  # the time line of alarms, five inputs and the score
    assert "<img" not in text + page
    assert "](http://b)" not in text
    assert "\x1b" not in text + page + ran.said
    assert said["verdicts"][0]["gate"] == "drift"
    assert said["decision"]["action"] == "look"
    verdicts = {path.stem for path in (out / "verdicts").glob("*.json")}
    assert verdicts == {"log", "drift", "retraining"}


def test_the_same_look_gives_the_same_bytes(monitor, log, tmp_path) -> None:
    for name in ("one", "two"):
        monitor("run", log, "--out", str(tmp_path / name))
    for kind in ("md", "html", "json"):
        one, two = ((tmp_path / n / f"monitor.{kind}").read_bytes() for n in ("one", "two"))
        assert one == two


def test_the_commands_end_with_the_status_of_their_verdict(monitor, log, tmp_path) -> None:
    assert monitor("decide", log).status == 1
    said = monitor("log", log)
    assert said.status == 3  # the log ended long ago
    assert "toy-binary" in said.out
    assert "\x1b" not in said.out


def test_a_day_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["monitor", "drift", "log", "--until", "2026-13-01"])
    assert "2026-13-01 is not a date: expected one such as" in capsys.readouterr().err


def test_a_rehearsal_shows_what_each_monitor_reported_and_when(
    green: Toy, command_line: Any, tmp_path: Path
) -> None:
    given = ["--package", str(green.package), "--out", str(tmp_path / "played")]
    ran = command_line.run(
        green.root, "monitor", "rehearse", *given, "--days", "56", "--rows", "150"
    )
    assert ran.status == 0, ran.said
    first, second, *lines = ran.out.splitlines()
    assert (first, second) == ("28 of 56 days simulated", "56 of 56 days simulated")
    assert lines[0].startswith("56 days from ")
    assert lines[1].startswith("before the first change: 0 of 21 days with an alarm")
    assert " drifts" in lines[2]
    alarm = next(line for line in lines if line.startswith("  alarm: day"))
    assert int(alarm.split()[-2]) <= 14
    assert (tmp_path / "played/labels.csv").read_text("utf-8").startswith("id,truth,known_at\n")
    played = json.loads((tmp_path / "played/rehearsal.json").read_bytes())
    assert len(played["said"]) == 56
    assert all(one["why"] for one in played["said"] if one["decision"])
    page = (tmp_path / "played/rehearsal.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert "0 of 21 days with an alarm before the first change" in page
    assert page.count("<tr><td>") == sum(bool(one["decision"]) for one in played["said"])
    again = command_line.run(green.root, "monitor", "rehearse", *given, "--days", "1")
    assert again.status == 0  # an earlier rehearsal is replaced, and nothing else
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "work.txt").touch()
    refused = command_line.run(green.root, "monitor", "rehearse", *given[:2], "--out", str(foreign))
    assert refused.status == 2
    assert (foreign / "work.txt").exists()
