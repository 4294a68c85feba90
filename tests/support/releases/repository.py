"""A repository on a fake GitHub, and the real command line that is run in it."""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice.github import SETTINGS
from support.command_line import CommandLine
from support.fixture_project import Ran, Toy
from support.github import fake_settings
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.fake_pulls import started
from support.github.fake_settings import USERS
from support.github.finished import finished
from support.releases import attested

if TYPE_CHECKING:
    from support.releases.versions import Version, Versions

CHECKOUT = Path(__file__).parents[3]
STANDINS = CHECKOUT / "tests/support/workflows/bin"
REPOSITORY = "octo/shop"
RUN = 77
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


def before() -> FakeGitHub:
    """A GitHub that is set up, with no release, in a run that octocat started."""
    github = finished()
    for name in ("canary", "production"):
        github.environments[name] = production("hubot", name=name)
    github.run = started(RUN)
    return github


def production(
    *reviewers: str,
    policy: dict[str, bool] | None = CUSTOM,
    name: str = "production",
    **settings: Any,
) -> dict[str, Any]:
    """The environment production with these reviewers, as GitHub describes it."""
    known = [("User", USERS[login]) for login in reviewers]
    given = {"self_review": False, **settings}
    return fake_settings.environment(name, known, policy=policy, **given)


def environment(url: str, root: Path) -> dict[str, str]:
    """The environment variables of a job in a workflow."""
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
        "STANDIN_STATE": str(root / "state"),
        # The folder of this Python comes early, so that a version manager is not asked for one.
        "PATH": os.pathsep.join(
            [str(STANDINS), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
    }


@dataclass
class Repository:
    """A repository on a fake GitHub. root: its checkout. versions: what can be delivered to its
    GitHub.
    """

    root: Path
    github: FakeGitHub
    versions: Versions
    command_line: CommandLine

    @property
    def older(self) -> Version:
        return self.versions.older

    @property
    def newer(self) -> Version:
        return self.versions.newer

    @property
    def attestations(self) -> Path:
        return self.root / "state/attestations"

    @property
    def page(self) -> str:
        """The page that the approver reads."""
        return (self.root / "out/approval/approval.md").read_text("utf-8")

    def run(self, *arguments: str, **changed: str) -> Ran:
        """`sluice …` in this process, from the root."""
        env = environment(self.github.url, self.root) | changed
        return self._without_token(self.command_line.run(self.root, *arguments, **env))

    def run_process(self, *arguments: str, **changed: str) -> Ran:
        """`sluice …` as a process of its own."""
        env = environment(self.github.url, self.root) | changed
        # Toy puts the commands of the virtual environment first; gh is not one of them.
        return self._without_token(Toy(self.root).sluice(*arguments, **env))

    def refuses(self, *arguments: str, why: str, status: int = 2, **changed: str) -> Ran:
        """Assert that one line says why, and that nothing on GitHub changed."""
        before = self.state()
        ran = self.run(*arguments, **changed)
        assert ran.status == status, ran.said
        assert ran.err == f"sluice: {ran.line}\n"
        assert why in ran.line, ran.said
        assert self.state() == before
        assert not self.github.writes
        return ran

    def state(self) -> dict[str, Any]:
        """A copy of everything about releases on GitHub."""
        names = ("releases", "kept", "tags", "latest")
        return {name: copy.deepcopy(getattr(self.github, name)) for name in names}

    def started_by(self, actor: Any, again: Any = None) -> dict[str, str]:
        """Make GitHub report these accounts as starters; returns the variables of the job."""
        accounts = {"actor": actor, "triggering_actor": again or actor}
        self.github.run |= accounts
        logins = {name: (one or {}).get("login", "ghost") for name, one in accounts.items()}
        return {f"GITHUB_{name.upper()}": login for name, login in logins.items()}

    def deliver_both(self) -> None:
        """Both versions become pre-releases, as `sluice delivery publish` left them."""
        for name, value in self.versions.state.items():
            setattr(self.github, name, copy.deepcopy(value))

    def hide_latest(self) -> None:
        """GitHub responds with 404 when asked for the latest release."""
        gone = (404, {"message": "Not Found"})
        self.github.interfere = lambda _, path, __: gone if path.endswith("/latest") else None

    def make_champion(self, tag: str) -> None:
        """Attest approval and release of a version, and make it a full release, as release.yml
        does.
        """
        for one in (self.older, self.newer):
            if one.tag == tag:
                attested.release(self.attestations, one.digest)
        self.make_full(tag)

    def make_full(self, tag: str) -> None:
        """Make a version a full release by hand, as anyone with write access can do."""
        self.github.release(tag)["prerelease"] = False
        self.github.latest = self.github.release(tag)["id"]

    def champion(self) -> str | None:
        """The tag of the release that GitHub marks as the latest."""
        newest = self.github._newest()
        return str(newest["tag_name"]) if newest else None

    def name_reviewers(self, *logins: str, team: str | None = None) -> None:
        """Name the reviewers of canary and production in the settings files, not on GitHub."""
        folder = self.root / SETTINGS
        if not folder.exists():
            shutil.copytree(CHECKOUT / SETTINGS, folder)
        file = folder / "environments.json"
        settings = json.loads(file.read_text("utf-8"))
        teams = [{"team": team}] if team else []
        for one in settings:
            if "reviewers" in one:
                one["reviewers"] = [*({"user": login} for login in logins), *teams]
        file.write_text(json.dumps(settings), "utf-8")

    def add_asset(self, tag: str, name: str, content: bytes) -> None:
        """Add a file to a release, as anyone with write access can do."""
        headers = {"Authorization": "x", "Content-Type": "x"}
        self.github._upload(self.github.release(tag)["id"], name, content, headers)

    def _without_token(self, ran: Ran) -> Ran:
        assert TOKEN not in ran.said
        return ran
