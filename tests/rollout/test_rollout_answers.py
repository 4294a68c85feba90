"""The answers of a real canary to recorded rows: what the proxy's counts cannot show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from sluice.package.archive import Package
from sluice.rollout.machine.control import Control
from sluice.rollout.rehearsal import damaged
from sluice.scoring_log import reader
from support.rollout import listening


@contextmanager
def answering(status: int, content: bytes) -> Iterator[int]:
    """A port where every request gets this answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as port:
        yield port


def test_answers_that_no_caller_can_use_are_named(
    control: Control, opened_pair: tuple[Package, Package], tmp_path: Path
) -> None:
    candidate = opened_pair[1]
    assert control.check() == ""  # there is no canary yet
    package = shutil.copytree(candidate.folder, tmp_path / "candidate")
    control.start("canary", package, candidate.manifest.version)
    assert control.check() == ""
    log = Path(control.machine.servers["canary"].log)
    assert [r["x_request_id"][:14] for r in reader.read(log)] == ["rollout-check-"] * 3

    server = control.machine.servers["canary"].port
    constant = b'{"results":[%s]}' % b",".join([b'{"score":0.5}'] * 3)
    for status, content, said in (
        (200, b'{"results":[{"sco', "its answers cannot be read"),
        (200, b"", "its answers cannot be read"),
        (200, b'{"results":[{"score":0.5}]}', "do not have a score for each row"),
        (200, constant, "its scores of recorded rows differ from those of its package by"),
        (422, b"{}", "it refuses recorded rows with status 422"),
        (503, b"{}", ""),  # the proxy counts it
    ):
        with answering(status, content) as port:
            control.route("canary", port)
            found = control.check()
            assert said in found, content
            assert bool(found) == bool(said)
    control.route("canary", 1)
    assert control.check() == ""  # nothing answers: its health check notices
    control.route("canary", server)

    model = package / "model/model.onnx"
    content = model.read_bytes()
    model.write_bytes(content + b"x")
    assert "its package was changed on disk: " in control.check()
    model.write_bytes(content)
    assert control.check() == ""


def test_a_model_that_scores_wrongly_within_its_range_is_found(
    control: Control, opened_pair: tuple[Package, Package], tmp_path: Path
) -> None:
    wrong = damaged.copy(opened_pair[1], tmp_path / "wrong")
    control.start("canary", wrong.folder, wrong.manifest.version)
    assert "its scores of recorded rows differ" in control.check()
