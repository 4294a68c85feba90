"""Whether a server still gives the scores that its package recorded when it was built.

The proxy counts statuses, and the server knows its own scores only. Neither notices an answer that
no caller can read, or wrong scores within the usual range.
"""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path

import msgspec
import numpy as np

from sluice.errors import SluiceError
from sluice.model import Scalar, Signature, difference, scale_of
from sluice.package.archive import opened
from sluice.rollout.machine.record import Server
from sluice.scenario import Recorded
from sluice.serve.target import HOST
from sluice.staging.remote import ScoreResponse

_ROWS = 3  # of each package's recorded rows; every check adds them to the scoring log
_SECONDS = 5.0
_MOST_BYTES = 2**20
_FIRST_ERROR = 500


def problem(server: Server, token: str) -> str:
    """What is wrong with a server's package, or its answer to recorded rows; empty if nothing is.

    Also empty if it does not answer, or with an error of its own: the proxy counts those.
    """
    try:
        with opened(Path(server.package)) as package:
            book, signature = package.scenarios, package.signature
    except (SluiceError, OSError) as error:
        return f"its package was changed on disk: {error}"
    recorded = next((one for one in book.scenarios if isinstance(one, Recorded)), None)
    if recorded is None:
        return ""
    rows = [dict(row) for row in book.samples[recorded.sample][:_ROWS]]
    answer = _asked(server.route, token, rows)
    if answer is None or answer[0] >= _FIRST_ERROR:
        return ""
    status, content = answer
    if status != http.client.OK:
        return f"it refuses recorded rows with status {status}"
    return _difference(content, recorded, signature, len(rows))


def _asked(port: int, token: str, rows: list[dict[str, Scalar]]) -> tuple[int, bytes] | None:
    """The status and the body of the answer; None if there is none."""
    name = f"rollout-check-{time.time_ns()}"
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "X-Request-ID": name,
    }
    connection = http.client.HTTPConnection(HOST, port, timeout=_SECONDS)
    try:
        connection.request("POST", "/score", json.dumps({"id": name, "records": rows}), headers)
        response = connection.getresponse()
        return response.status, response.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _difference(content: bytes, recorded: Recorded, signature: Signature, count: int) -> str:
    try:
        results = msgspec.json.decode(content, type=ScoreResponse).results
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "its answers cannot be read"
    found = [result.values(signature.classes) for result in results]
    expected = np.array(recorded.scores[:count])
    if len(found) != count or any(row is None or len(row) != expected.shape[1] for row in found):
        return "its answers do not have a score for each row and class"
    gap = difference(expected, np.array(found), scale_of(signature.task, expected))
    if not gap <= recorded.tolerance:
        return f"its scores of recorded rows differ from those of its package by {gap:.2g}"
    return ""
