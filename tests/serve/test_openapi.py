"""The OpenAPI document is valid, and the page that shows it works in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from support.fixture_project import Toy
from support.serving.server import RunningServer, UnpackedPackage, running

# Chromium's command in Debian, in Ubuntu and from Google.
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)


def _document(server: RunningServer) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/openapi.json").json
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_document_is_valid_and_its_examples_work(
    built: Callable[[str], Toy], tmp_path: Path, task: str
) -> None:
    with running(built(task).package, tmp_path) as server:
        document = _document(server)
        OPENAPI_31_VALIDATOR.validate(document)
        assert document["openapi"] == "3.1.0"
        assert server.version in document["info"]["title"]
        tried = 0
        for path, methods in document["paths"].items():
            for method, about in methods.items():
                body = None
                if "requestBody" in about:
                    content = about["requestBody"]["content"]["application/json"]
                    body = content["example"]
                    jsonschema_rs.Draft202012Validator(content["schema"]).validate(body)
                    tried += 1
                reply = server.ask(method.upper(), path, body)
                assert reply.status == 200, (path, reply.body)
                answered = about["responses"]["200"]["content"]
                kind = reply.headers["content-type"].partition(";")[0]
                answer = jsonschema_rs.Draft202012Validator(answered[kind]["schema"])
                if kind == "application/json":
                    answer.validate(reply.json)
        assert tried == 3
        assert len(server.logged()) == 3


def test_the_example_is_a_row_of_the_package(
    server: RunningServer, content: UnpackedPackage
) -> None:
    score = _document(server)["paths"]["/score"]["post"]
    example = score["requestBody"]["content"]["application/json"]["example"]
    assert example["records"][0] in content.rows


def test_the_document_has_exactly_these_paths(server: RunningServer) -> None:
    model = f"/v2/models/{server.name}"
    version = f"{model}/versions/{server.version}"
    expected = {"/score", "/v2", "/v2/health/live", "/v2/health/ready", "/metrics"}
    expected |= {at + end for at in (model, version) for end in ("", "/ready", "/infer")}
    assert set(_document(server)["paths"]) == expected


def test_the_page_loads_nothing_from_other_hosts(server: RunningServer) -> None:
    reply = server.get("/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    page = reply.body.decode()
    assert not re.findall(r"""(?:https?:)?//[\w.-]+\.\w+/""", page)
    assert not re.findall(r"""(?:src|href)=["'](?!data:,)""", page)
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in str(policy)
    assert server.get("/").headers["location"] == "/docs"


# The page in a browser


@contextlib.contextmanager
def _browser(folder: Path) -> Iterator[int]:
    """Starts Chromium; yields the port of its debugging protocol."""
    assert CHROMIUM, "Chromium is not installed: run 'make tools'"
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
    command = [CHROMIUM, *options, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        told = folder / "DevToolsActivePort"
        for _ in range(300):
            if told.exists() and told.read_text().count("\n"):
                break
            time.sleep(0.1)
        yield int(told.read_text().splitlines()[0])
    finally:
        process.terminate()
        process.wait(20)


class _Tab:
    """A browser tab, controlled over the debugging protocol.

    requested: the URLs that the page requested. complaints: its errors.
    """

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self._wire, self._number = wire, 0
        self.requested: list[str] = []
        self.complaints: list[str] = []

    async def do(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        await self._wire.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            said = await self._wire.receive_json(timeout=30)
            if said.get("method") == "Network.requestWillBeSent":
                self.requested.append(said["params"]["request"]["url"])
            level = said.get("params", {}).get("entry", {}).get("level")
            if level == "error" or said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["params"]))
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    async def value(self, expression: str) -> Any:
        got = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return got["result"].get("value")

    async def until(self, expression: str) -> Any:
        for _ in range(100):
            if found := await self.value(expression):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"did not become true: {expression}; {self.complaints}")


async def _looked_at(port: int, url: str, look: Callable[[_Tab], Any]) -> _Tab:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            pages = [target for target in await answer.json() if target["type"] == "page"]
        async with session.ws_connect(pages[0]["webSocketDebuggerUrl"]) as wire:
            tab = _Tab(wire)
            for domain in ("Network", "Log", "Runtime", "Page"):
                await tab.do(f"{domain}.enable")
            await tab.do("Page.navigate", url=url)
            await look(tab)
            return tab


_SHOWN = "document.querySelector('pre:not([hidden]).good, pre:not([hidden]).bad')?.textContent"
_SEND = "document.querySelector('details[open] button').click()"


def test_the_example_can_be_sent_in_a_browser(server: RunningServer, tmp_path: Path) -> None:
    async def look(tab: _Tab) -> None:
        await tab.until("document.querySelectorAll('details').length === 11")
        assert server.version in await tab.value("document.title")
        assert await tab.value("document.getElementById('access').checkVisibility()") is False
        await tab.value(_SEND)
        shown = await tab.until(_SHOWN)
        assert shown.startswith("200")
        assert '"score"' in shown
        await tab.value("document.querySelector('textarea').value = '{'")
        await tab.value(_SEND)
        shown = await tab.until(f"({_SHOWN})?.startsWith('400') && {_SHOWN}")
        assert "not valid JSON" in shown

    with _browser(tmp_path / "profile") as port:
        at = f"http://{server.host}:{server.port}"
        tab = asyncio.run(_looked_at(port, f"{at}/docs", look))
    hosts = {urlsplit(url).netloc for url in tab.requested if not url.startswith("data:")}
    assert hosts == {f"{server.host}:{server.port}"}
    assert [said for said in tab.complaints if "400" not in said] == []


def test_the_page_asks_for_the_token_and_uses_it(package: Path, tmp_path: Path) -> None:
    token = "a-token-of-no-value-0123456789"  # noqa: S105

    async def look(tab: _Tab) -> None:
        await tab.until("document.getElementById('access').checkVisibility()")
        assert await tab.value("document.querySelectorAll('details').length") == 0
        await tab.value(
            f"document.getElementById('token').value = '{token}';"
            "document.getElementById('token').dispatchEvent(new Event('change'))"
        )
        await tab.until("document.querySelectorAll('details').length === 11")
        await tab.value(_SEND)
        assert (await tab.until(_SHOWN)).startswith("200")

    with running(package, tmp_path, SLUICE_TOKEN=token) as server:
        at = f"http://{server.host}:{server.port}/docs"
        with _browser(tmp_path / "profile") as port:
            asyncio.run(_looked_at(port, at, look))
