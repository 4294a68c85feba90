"""Real Traefik and real servers: a request whose first answer is lost is logged twice. Both records
have the same id, so a reader of the log can recognise the repetition.
"""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from sluice.package.archive import Package
from sluice.rollout.machine.control import Control
from sluice.rollout.rehearsal import load
from sluice.rollout.traffic import confirm
from sluice.rollout.weights import Weights
from sluice.scoring_log import reader
from sluice.serve.target import HOST
from support.rollout import listening


@contextmanager
def losing_answers(server: int) -> Iterator[int]:
    """A port that passes requests on to the given one, but ends the connection instead of returning
    a score.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self._passed_on(b""))
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self._passed_on(body) == 200
            self.close_connection = True

        def _passed_on(self, body: bytes) -> int:
            return asked(server, self.command, self.path, body, dict(self.headers))

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as port:
        yield port


def asked(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_both_records_of_a_request_whose_answer_is_lost_have_one_id(
    control: Control, opened_pair: tuple[Package, Package]
) -> None:
    champion, candidate = opened_pair
    for arm, package in {"baseline": champion, "canary": candidate}.items():
        control.start(arm, package.folder, package.manifest.version)
    row = f'{{"records":[{load.records(champion)[0]}]}}'.encode()
    headers = {
        "authorization": f"Bearer {control.machine.token}",
        "content-type": "application/json",
    }
    with losing_answers(control.machine.servers["canary"].port) as port:
        control.route("canary", port)
        control.set_weights(Weights.at(50))
        confirm(control, Weights.at(50))
        named = headers | {"x-request-id": "call"}
        sent = [headers, headers, headers, headers, named, named]
        for each in sent:
            assert asked(control.machine.port, "POST", "/score", row, each) == 200
    logged = [r for log in (control.folder / "log").iterdir() for r in reader.read(log)]
    # If the body has no id, each attempt gets another one.
    times = Counter(r["x_request_id"] for r in logged)
    called = times.pop("call")
    assert len(times) == 4
    assert sum(times.values()) > 4
    assert max(times.values()) == 2
    assert called > 2
