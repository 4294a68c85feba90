"""Schemathesis, which generates requests from the OpenAPI document, finds no failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.fixture_project import Toy
from support.serving.server import RunningServer, running

# JSON Schema cannot express that a tensor's data must fit its shape, nor which tensors are
# required, so /infer may refuse a request that is valid by the schema. An invalid request may
# also be refused as too large.
_SETTINGS = """\
[checks]
negative_data_rejection.expected-statuses = ["4xx"]
[[operations]]
include-path-regex = "/infer$"
checks.positive_data_acceptance.enabled = false
"""


def _fuzzed(
    server: RunningServer, folder: Path, examples: int, phases: str, **environment: str
) -> dict[str, Any]:
    """Schemathesis's report with all its checks."""
    settings, report = folder / "schemathesis.toml", folder / "report.json"
    settings.write_text(_SETTINGS)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={settings}",
            "run",
            f"http://{server.host}:{server.port}/openapi.json",
            "--seed=1",
            f"--max-examples={examples}",
            f"--phases={phases}",
            "--continue-on-failure",
            "--report=json",
            f"--report-json-path={report}",
            "--suppress-health-check=all",
        ],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", **environment},
    )
    assert report.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    assert found["failures"] == found["errors"] == [], done.stdout
    assert done.returncode == 0, done.stdout
    assert found["operations"]["tested"] == found["operations"]["total"] == 11
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_schemathesis_finds_no_failure(
    built: Callable[[str], Toy], size: Callable[[int, int], int], tmp_path: Path, task: str
) -> None:
    """The phase `coverage` needs most of the time; `make test-full` has it for every task."""
    examples, coverage = size(12, 4_000), size(task == "binary", True)
    phases = "examples,coverage,fuzzing" if coverage else "examples,fuzzing"
    with running(built(task).package, tmp_path) as server:
        found = _fuzzed(server, tmp_path, examples, phases)
        cases = found["test_cases"]["generated"]
        print(f"{cases} cases, {len(found['failures'])} findings")  # noqa: T201
        assert cases > size(300 if coverage else 30, 10_000)
        said = server.stderr.read_text()
        assert "Traceback" not in said
        assert "unexpected error" not in said
        assert server.get("/v2/health/ready").status == 200
        scored = server.logged()
    assert len(scored) > size(15 if coverage else 5, 1_000), "too few cases reached the model"
