"""Who may send requests: local users, clients with the token, or everyone with --anonymous."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.serving.server import RunningServer, UnpackedPackage, metric, running

TOKEN = "a-token-of-no-value-0123456789"  # noqa: S105
Serve = Callable[..., AbstractContextManager[RunningServer]]


def _refused(package: Path, folder: Path, *options: str, **environment: str) -> str:
    """The one line that the command prints when it refuses to start."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice.cli", "serve", str(package), "--port=0", *options],
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert TOKEN not in done.stderr
    assert list(folder.glob("scoring-log")) == []
    return done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_a_public_address_needs_a_token_or_anonymous(
    package: Path, tmp_path: Path, host: str
) -> None:
    said = _refused(package, tmp_path, "--host", host)
    assert all(word in said for word in (host, "--token-file", "SLUICE_TOKEN", "--anonymous"))


def test_a_token_and_anonymous_exclude_each_other(package: Path, tmp_path: Path) -> None:
    said = _refused(package, tmp_path, "--anonymous", SLUICE_TOKEN=TOKEN)
    assert "exclude each other" in said


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "a token of\nseveral lines"])
def test_a_weak_token_is_refused_without_repeating_it(
    package: Path, tmp_path: Path, token: str
) -> None:
    said = _refused(package, tmp_path, SLUICE_TOKEN=token)
    assert "at least 16 printable ASCII characters" in said
    (tmp_path / "token").write_text(token)
    said += _refused(package, tmp_path, "--token-file=token")
    assert not token or token not in said


def test_a_missing_token_file_is_named(package: Path, tmp_path: Path) -> None:
    assert "nowhere" in _refused(package, tmp_path, "--token-file=nowhere")


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_token_gives_access_and_is_shown_assert_token_hidden(
    serve: Serve, tmp_path: Path, content: UnpackedPackage, source: str
) -> None:
    options, environment = ["--host=0.0.0.0", "--workers=2"], {}
    if source == "file":
        (tmp_path / "secret").write_text(TOKEN + "\n")
        options.append(f"--token-file={tmp_path / 'secret'}")
    else:
        environment["SLUICE_TOKEN"] = TOKEN
    with serve(*options, **environment) as server:
        body = {"records": content.rows[:1]}
        wrong = [
            {},
            {"Authorization": "Bearer " + TOKEN[:-1]},
            {"Authorization": f"Bearer {TOKEN} "[:-2] + "ü"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": TOKEN},
            {"Authorization": ""},
        ]
        replies = [server.ask("POST", "/score", body, **headers) for headers in wrong]
        paths = ("/v2", "/metrics", "/openapi.json", "/nothing", "/v2/models/other")
        replies += [server.get(path) for path in paths]
        for reply in replies:
            assert reply.status == 401
            assert reply.headers["www-authenticate"] == "Bearer"
            assert "token" in reply.error
            assert server.name not in reply.error
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert server.ask("POST", "/score", body, **right).status == 200
        assert server.ask("POST", "/score", body, Authorization=f"bearer {TOKEN}").status == 200
        for path in ("/v2/health/live", "/v2/health/ready", "/docs"):
            assert server.get(path).status == 200, "health checks and the page need no token"
        page = server.get("/metrics", **right).body.decode()
        assert 'kind="unauthorized"' in page
        bad = server.ask("POST", "/score", b"{", **right)
        _assert_token_hidden(server, page, bad.error, *(reply.error for reply in replies))
        assert len(server.logged()) == 2


def _assert_token_hidden(server: RunningServer, *messages: str) -> None:
    """The token is not in any message, file or public process data."""
    assert all(TOKEN not in message for message in messages)
    assert TOKEN not in server.stderr.read_text()
    files = [path for path in server.log.rglob("*") if path.is_file()]
    assert files
    assert all(TOKEN.encode() not in path.read_bytes() for path in files)
    for pid in (server.process.pid, *server.workers):
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert len(server.workers) == 2
    for pid in server.workers:
        assert TOKEN.encode() not in Path(f"/proc/{pid}/environ").read_bytes()


def test_anonymous_accepts_requests_without_a_token(serve: Serve, content: UnpackedPackage) -> None:
    with serve("--host=0.0.0.0", "--anonymous") as server:
        assert server.score(content.rows[0]).status == 200
        assert metric(server, "sluice_rows_total") == 1


def test_loopback_needs_no_token_and_is_the_default(server: RunningServer) -> None:
    assert server.host == "127.0.0.1"
    elsewhere = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None)}
    for address in elsewhere - {"127.0.0.1", "127.0.1.1", "::1"}:
        with socket.socket(socket.AF_INET6 if ":" in str(address) else socket.AF_INET) as tried:
            tried.settimeout(2)
            assert tried.connect_ex((str(address), server.port)) != 0


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 on this machine")
def test_loopback_may_be_ipv6(package: Path, tmp_path: Path, content: UnpackedPackage) -> None:
    with running(package, tmp_path, "--host=::1") as server:
        connection = http.client.HTTPConnection("::1", server.port, timeout=10)
        connection.request("GET", "/v2/health/ready")
        assert connection.getresponse().status == 200
        connection.close()
        assert server.score(content.rows[0]).status == 200


def test_trusted_origins_reach_a_server_behind_a_proxy(
    serve: Serve, content: UnpackedPackage
) -> None:
    """The proxy sends its own Host, so the origin of the page never matches it."""
    body = {"records": content.rows[:1]}
    hub, space = "https://name-8080.hub.example", "http://space.example:8000"
    with serve("--origin", f"{hub.upper()}:443/", "--origin", space) as server:

        def status(origin: str, host: str = "localhost:8080") -> int:
            return server.ask("POST", "/score", body, Origin=origin, Host=host).status

        assert status(hub) == 200
        assert status(space) == 200
        assert status("http://own.example", "own.example") == 200
        for other in (
            f"{hub}.evil.example",
            hub.replace("https", "http"),
            "http://space.example",
            "https://evil.example",
            "null",
        ):
            assert status(other) == 403
        refused = server.ask("POST", "/score", body, Origin="https://a.example", Host="b.example")
        assert "the page is from 'https://a.example', this server is 'b.example'" in refused.error
        assert "--origin" in refused.error


@pytest.mark.parametrize(
    "origin",
    [
        "hub.example",
        "*",
        "https://*.example",
        "ftp://a.example",
        "https://a.example/path",
        "https://",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(
    package: Path, tmp_path: Path, origin: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sluice.cli", "serve", str(package), "--origin", origin],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert f"--origin: expected an address such as https://example.org, not {origin!r}" in said
