"""Where releases are asked for: the real command line before a fake GitHub."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sluice import cli
from sluice.github import SETTINGS
from support.fixture_project import Ran, Toy
from support.github import fake_github
from support.github.fake_github import TOKEN, USERS, FakeGitHub, finished
from support.github.fake_pulls import started
from support.releases.attested import approve

if TYPE_CHECKING:
    from support.releases.wares import Stock, Wares

CHECKOUT = Path(__file__).parents[3]
STANDINS = CHECKOUT / "tests/workflows/bin"
REPOSITORY = "octo/shop"
RUN = 77
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def before() -> FakeGitHub:
    github = finished()
    github.environments["production"] = production("hubot")
    github.run = started(RUN)
    return github


def production(
    *reviewers: str, policy: dict[str, bool] | None = CUSTOM, **settings: Any
) -> dict[str, Any]:
    """The environment as GitHub answers, approved by these people."""
    known = [("User", USERS[login]) for login in reviewers]
    given = {"self_review": False, **settings}
    return fake_github.environment("production", known, policy=policy, **given)


def environment(url: str, root: Path) -> dict[str, str]:
    """What a job of a workflow has."""
    return {
        "GITHUB_API_URL": url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_TRIGGERING_ACTOR": "octocat",
        "GITHUB_RUN_ID": str(RUN),
        "GITHUB_SERVER_URL": "https://github.example.org",
        "GH_TOKEN": "",
        "SLUICE_DEBUG": "",
        "SLUICE_ATTESTATIONS": "",
        # Nothing here is https, and a whole bundle of certificates takes its time.
        "SSL_CERT_FILE": "",
        "SSL_CERT_DIR": str(root),
        "STANDIN_STATE": str(root / "state"),
        # This Python's own folder, so that no manager of versions is asked which one to take.
        "PATH": os.pathsep.join(
            [str(STANDINS), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
    }


@dataclass
class Counter:
    root: Path
    github: FakeGitHub
    stock: Stock
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    @property
    def older(self) -> Wares:
        return self.stock.older

    @property
    def newer(self) -> Wares:
        return self.stock.newer

    @property
    def notes(self) -> Path:
        return self.root / "state/attestations"

    def run(self, *arguments: str, **changed: str) -> Ran:
        """`sluice release …` in this process, from the project's folder."""
        with self.monkeypatch.context() as patch:
            patch.chdir(self.root)
            for name, value in (environment(self.github.url, self.root) | changed).items():
                patch.setenv(name, value)
            self.capfd.readouterr()
            status = cli.main(["release", *arguments])
        said = self.capfd.readouterr()
        return self._heard(Ran(status, said.out, said.err))

    def typed(self, *arguments: str, **changed: str) -> Ran:
        """The same as a process of its own."""
        env = environment(self.github.url, self.root) | changed
        # Toy puts the environment's own commands first, and gh is none of them.
        return self._heard(Toy(self.root).sluice("release", *arguments, **env))

    def refuses(self, *arguments: str, why: str, status: int = 2, **changed: str) -> Ran:
        """One line says why, and GitHub is as it was."""
        held = self.state()
        ran = self.run(*arguments, **changed)
        assert ran.status == status, ran.said
        assert ran.err == f"sluice: {ran.line}\n"
        assert why in ran.line, ran.said
        assert self.state() == held
        assert not self.github.writes
        return ran

    def state(self) -> dict[str, Any]:
        """All that GitHub keeps of the releases."""
        names = ("releases", "kept", "tags", "latest")
        return {name: copy.deepcopy(getattr(self.github, name)) for name in names}

    def started_by(self, actor: Any, again: Any = None) -> dict[str, str]:
        """Let GitHub name these accounts; returns the environment that the job has."""
        accounts = {"actor": actor, "triggering_actor": again or actor}
        self.github.run |= accounts
        logins = {name: (one or {}).get("login", "ghost") for name, one in accounts.items()}
        return {f"GITHUB_{name.upper()}": login for name, login in logins.items()}

    def take_stock(self) -> None:
        for name, value in self.stock.state.items():
            setattr(self.github, name, copy.deepcopy(value))

    def hide_latest(self) -> None:
        """GitHub has no word on which release is the latest."""
        gone = (404, {"message": "Not Found"})
        self.github.interfere = lambda _, path, __: gone if path.endswith("/latest") else None

    def make_champion(self, tag: str) -> None:
        """As release.yml does: approved, then full."""
        for one in (self.older, self.newer):
            if one.tag == tag:
                approve(self.notes, one.digest)
        self.make_full(tag)

    def make_full(self, tag: str) -> None:
        """What whoever may write can do by hand."""
        self.github.release(tag)["prerelease"] = False
        self.github.latest = self.github.release(tag)["id"]

    def champion(self) -> str | None:
        """Whom GitHub calls the latest release."""
        newest = self.github._newest()
        return str(newest["tag_name"]) if newest else None

    def name_reviewers(self, *logins: str, team: str | None = None) -> None:
        folder = self.root / SETTINGS
        if not folder.exists():
            shutil.copytree(CHECKOUT / SETTINGS, folder)
        file = folder / "environments.json"
        said = json.loads(file.read_text("utf-8"))
        teams = [{"team": team}] if team else []
        said[1]["reviewers"] = [*({"user": login} for login in logins), *teams]
        file.write_text(json.dumps(said), "utf-8")

    def add_asset(self, tag: str, name: str, content: bytes) -> None:
        """What whoever may write can do: one more file."""
        headers = {"Authorization": "x", "Content-Type": "x"}
        self.github._upload(self.github.release(tag)["id"], name, content, headers)

    def _heard(self, ran: Ran) -> Ran:
        assert TOKEN not in ran.said
        return ran
