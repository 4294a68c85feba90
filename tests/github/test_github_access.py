"""How the repository, the server and the token are found."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.github.api import access
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.finished import finished
from support.github.place import Before


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository, and nothing about GitHub in the environment."""
    for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    return tmp_path


def remote(url: str) -> None:
    subprocess.run(["git", "remote", "add", "origin", url], check=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/shop.git",
        "https://github.com/octo/shop",
        "https://github.com/octo/shop/",
        "https://me:secret@github.com/octo/shop.git",
        "https://me@example.org:secret@github.com/octo/shop.git",
        "git@github.com:octo/shop.git",
        "ssh://git@github.com/octo/shop.git",
        "ssh://git@ssh.github.com:443/octo/shop.git",
        "git://GitHub.com/octo/shop.git",
    ],
)
def test_the_remote_names_the_repository(here: Path, url: str) -> None:
    remote(url)
    found = access.find(None)
    assert (found.repository, found.url) == ("octo/shop", "https://api.github.com")
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "url", ["https://ghe.example.org/octo/shop.git", "git@ghe.example.org:octo/shop.git"]
)
def test_a_token_goes_to_another_server_only_if_configured(
    here: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    remote(url)
    with pytest.raises(SluiceError, match=r"set GITHUB_API_URL=https://ghe\.example\.org/api/v3"):
        access.find(None)
    monkeypatch.setenv("GITHUB_API_URL", "https://ghe.example.org/api/v3")
    assert access.find(None).repository == "octo/shop"


def test_options_come_before_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote("https://github.com/octo/shop.git")
    monkeypatch.setenv("GITHUB_REPOSITORY", "other/one")
    assert access.find("third/two").repository == "third/two"
    assert access.find(None).repository == "other/one"


@pytest.mark.parametrize("name", ["shop", "a/b/c", "../shop", "octo/..", "octo/sh op", "o/s?x=1"])
def test_an_invalid_name_is_refused(here: Path, name: str) -> None:
    with pytest.raises(SluiceError, match="expected OWNER/NAME"):
        access.find(name)


def test_no_remote_says_what_to_give(here: Path) -> None:
    with pytest.raises(SluiceError, match="give --repo OWNER/NAME"):
        access.find(None)


@pytest.mark.parametrize(
    "url",
    [
        "api.github.com",
        "ftp://x",
        "https://",
        "http://[::1",
        "http://[1:2]",
        "http://host:99999",
        "http://host:abc",
        "http://host\n",
        "http://ho st",
        "http://me:hunter2@host",
        "http://host?token=hunter2",
        "http://host#hunter2",
    ],
)
def test_an_invalid_address_is_refused(
    here: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", url)
    with pytest.raises(SluiceError, match="GITHUB_API_URL is not a plain address") as caught:
        access.find("octo/shop")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://[::1]:8080", "https://ghe.example.org/api/v3/"])
def test_an_address_may_have_a_port_and_a_path(
    here: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", url)
    assert access.find("octo/shop.git").url == url


def test_a_name_may_be_written_as_git_clones_it(here: Path) -> None:
    assert access.find("octo/shop.git").repository == "octo/shop"
    with pytest.raises(SluiceError, match="expected OWNER/NAME"):
        access.find("octo/.git")


@pytest.mark.parametrize(
    "url", ["/srv/git/shop.git", "../shop", "file:///srv/git/shop.git", "https://me:hunter2@"]
)
def test_an_origin_that_is_elsewhere_is_named(here: Path, url: str) -> None:
    remote(url)
    with pytest.raises(
        SluiceError, match=r"origin is '.*', which is not an address on GitHub"
    ) as caught:
        access.find(None)
    assert "hunter2" not in str(caught.value)
    assert url.rpartition("@")[2] in str(caught.value)


def test_a_token_with_a_line_break_is_refused_and_not_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", f"{TOKEN}\nX-Evil: 1")
    with pytest.raises(SluiceError) as caught:
        access.find("octo/shop")
    assert TOKEN not in str(caught.value)


def _gh(folder: Path, script: str) -> str:
    commands = folder / "commands"
    commands.mkdir()
    (commands / "gh").write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (commands / "gh").chmod(0o755)
    return f"{commands}:/usr/bin:/bin"


def test_the_token_of_gh_is_asked_for_this_host_only(before: Before, tmp_path: Path) -> None:
    place = before(finished())
    place.name_reviewers({"user": "octocat"})
    host = place.url.removeprefix("http://")
    path = _gh(tmp_path, f'[ "$*" = "auth token --hostname {host}" ] && echo {TOKEN}')
    place.doctor(GITHUB_TOKEN="", PATH=path).went_well()


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "echo not logged in >&2; exit 4"])
def test_no_token_says_how_to_get_one(before: Before, tmp_path: Path, script: str) -> None:
    place = before(FakeGitHub())
    place.name_reviewers({"user": "octocat"})
    ran = place.doctor(GITHUB_TOKEN="", PATH=_gh(tmp_path, script))
    assert ran.status == 2
    assert ran.line.startswith("no token for 127.0.0.1:")
    assert not place.github.requests


def test_the_variable_gh_token_is_read_too(before: Before) -> None:
    place = before(finished())
    place.name_reviewers({"user": "octocat"})
    place.doctor(GITHUB_TOKEN="", GH_TOKEN=TOKEN).went_well()


def test_a_wrong_token_is_named_as_such(before: Before) -> None:
    place = before(finished())
    ran = place.doctor(GITHUB_TOKEN="ghp_wrong")  # noqa: S106
    assert ran.status == 2
    assert "Bad credentials; the token is not valid" in ran.line
    assert "ghp_wrong" not in ran.said


def test_the_repository_may_be_given(before: Before) -> None:
    place = before(finished())
    ran = place.doctor("--repo", "octo/nothing")
    assert ran.status == 2
    assert "404: Not Found" in ran.line


def test_a_missing_library_names_the_extra(before: Before, tmp_path: Path) -> None:
    (tmp_path / "broken/githubkit").mkdir(parents=True)
    (tmp_path / "broken/githubkit/__init__.py").write_text("raise ImportError('no such thing')")
    ran = before(FakeGitHub()).run_process("doctor", PYTHONPATH=str(tmp_path / "broken"))
    assert ran.status == 2
    assert ran.line == "no such thing: run 'make commands', or pip install '.[github]'"
