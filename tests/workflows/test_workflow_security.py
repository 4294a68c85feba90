"""security.yml: each job refuses what it must find."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

_ADVISORY = {
    "id": "OSV-2026-1",
    "summary": "scores everyone alike",
    "aliases": [],
    "published": "2026-01-01T00:00:00Z",
    "affected": [{"package": {"name": "uvicorn", "ecosystem": "PyPI"}, "ranges": []}],
}


@pytest.fixture
def advisories() -> Iterator[tuple[dict[str, list], str]]:
    """A small server that replaces the database of advisories, which pip-audit itself queries."""
    known: dict[str, list] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps({"vulns": known.get(asked["package"]["name"], [])}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield known, f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def test_the_template_passes(place, advisories):
    place.workflows.environment["AUDIT"] = f"--osv-url {advisories[1]}"
    ran = place.workflows.run("push", "security", payload=place.event())
    assert ran.status == 0, ran.log[-4000:]
    assert ran.jobs["workflows"] == ran.jobs["vulnerabilities"] == "success"
    assert ran.jobs["code"] == ran.jobs["scorecard"] == "success"


def test_a_locked_version_with_a_known_vulnerability_fails(place, advisories):
    known, url = advisories
    known["uvicorn"] = [_ADVISORY]
    place.workflows.environment["AUDIT"] = f"--osv-url {url}"
    ran = place.workflows.run("push", "security", "vulnerabilities", payload=place.event())
    assert ran.jobs["vulnerabilities"] == "failure"
    assert ran.said("OSV-2026-1")


def test_the_audit_fails_if_the_database_does_not_answer(place):
    place.workflows.environment["AUDIT"] = "--osv-url http://127.0.0.1:9/v1/query"
    ran = place.workflows.run("push", "security", "vulnerabilities", payload=place.event())
    assert ran.jobs["vulnerabilities"] == "failure"


def test_a_workflow_with_code_injection_fails(place):
    workflow = place.toy.text(".github/workflows/report.yml")
    expression = 'run: echo "${{ github.event.workflow_run.head_branch }}" #'
    place.toy.write(
        ".github/workflows/report.yml", workflow.replace("run: .venv", f"{expression} .venv")
    )
    place.toy.commit()
    ran = place.workflows.run("push", "security", "workflows", payload=place.event())
    assert ran.jobs["workflows"] == "failure"
    assert ran.said("template-injection")


def test_a_new_dependency_with_an_advisory_fails(place):
    state = place.workflows.state
    state.mkdir(parents=True, exist_ok=True)
    (state / "advisories.txt").write_text("poisoned==1.0\n")
    lock = place.toy.text("requirements/serve.txt")
    place.toy.write("requirements/serve.txt", f"{lock}poisoned==1.0\n")
    place.propose()
    payload = place.event(pull_request={"number": 12})
    ran = place.workflows.run("pull_request", "security", "dependencies", payload=payload)
    assert ran.jobs["dependencies"] == "failure"
