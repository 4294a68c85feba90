"""The load generator: runs wrk on a core of its own, and reads its figures."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from contender import HOST, LOAD_CORE, NotMeasurableError, Server
from results import Load
from subject import Row

# The requests are prepared once and sent in turn; the summary is one line of JSON.
_SCRIPT = """\
local bodies = {%s}
local requests, turn = {}, 0

init = function()
  for i, body in ipairs(bodies) do
    requests[i] = wrk.format("POST", "%s", {["Content-Type"] = "application/json"}, body)
  end
end

request = function()
  turn = turn %% #requests + 1
  return requests[turn]
end

done = function(summary, latency)
  local e = summary.errors
  print(string.format(
    '{"requests": %%d, "microseconds": %%d, "p50": %%d, "p99": %%d, "non_2xx": %%d, "broken": %%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def require_wrk() -> None:
    """Exit with a message if wrk is not installed."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: run apt-get install wrk")


def script(server: Server, rows: list[Row], folder: Path) -> Path:
    """Write the Lua script that sends these rows in the server's format."""
    bodies = ",\n".join(f"[==[{server.contender.encode(row).decode()}]==]" for row in rows)
    path = folder / "requests.lua"
    path.write_text(_SCRIPT % (bodies, server.contender.path))
    return path


def apply_load(server: Server, script: Path, connections: int, seconds: int) -> Load:
    """Send requests for so many seconds; raises NotMeasurableError if any response is an error."""
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
         "--latency", "-s", str(script), f"http://{HOST}:{server.port}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return parse(done.stdout, connections)


def parse(printed: str, connections: int) -> Load:
    """Read the figures that the script printed."""
    summary = json.loads(printed.strip().splitlines()[-1])
    if summary["non_2xx"] or summary["broken"] or not summary["requests"]:
        raise NotMeasurableError(f"the load failed at {connections} connections: {summary}")
    return Load(
        connections,
        summary["requests"] / summary["microseconds"] * 1e6,
        summary["p50"] / 1e3,
        summary["p99"] / 1e3,
    )
