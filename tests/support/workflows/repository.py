"""A fork with its own fake GitHub, and the events that start workflows."""

from __future__ import annotations

import json
import platform
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.fixture_project import Toy
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.fake_pulls import started
from support.github.finished import finished
from support.github.server import serve
from support.workflows.act import Ran, Workflows
from support.workflows.fork import CHECKOUT

BASE = f"sluice-base:{platform.freedesktop_os_release().get('VERSION_CODENAME', 'unknown')}"
REPOSITORY = {"full_name": "octo/shop", "private": False, "default_branch": "main"}


@dataclass
class Place:
    """A fork, its GitHub, and what runs its workflows."""

    toy: Toy
    github: FakeGitHub
    workflows: Workflows

    def push_images_to(self, registry: str) -> None:
        """Name the registry in the file that says where images are pushed."""
        self.toy.write(".github/settings/delivery.json", json.dumps({"registry": registry}) + "\n")
        self.toy.commit()

    def event(self, **more: Any) -> dict[str, Any]:
        return {"repository": REPOSITORY, "sender": {"login": "octocat"}, **more}

    def pull_request(self, job: str = "", *, cancel_at: str = "", **more: Any) -> Ran:
        base = {"ref": "main", "sha": self.toy.git("rev-parse", "HEAD^1")}
        payload = self.event(pull_request={"number": 12, "base": base, **more})
        run = self.workflows.run
        return run("pull_request", "ci", job, payload=payload, cancel_at=cancel_at)

    def push(self, job: str = "", *, cancel_at: str = "") -> Ran:
        run = self.workflows.run
        return run("push", "deliver", job, payload=self.event(), cancel_at=cancel_at)

    def dispatch(self, workflow: str, *, cancel_at: str = "", **inputs: str) -> Ran:
        self.github.run = started(1)  # the number that act gives every run
        payload, run = self.event(inputs=inputs), self.workflows.run
        return run("workflow_dispatch", workflow, payload=payload, cancel_at=cancel_at)

    def report(self, task: str = "canary", by: str = "production-server") -> Ran:
        """An account reports on the newest deployment that its canary has passed."""
        self.github.run = started(1)  # act gives both halves of a release the same number
        (asked, *_) = self.github.deployments
        sha = self.toy.git("rev-parse", "HEAD")
        payload = self.event(
            deployment={**asked, "task": task, "ref": "refs/heads/main", "sha": sha},
            deployment_status={"state": "success", "creator": {"login": by}},
            sender={"login": by},
        )
        return self.workflows.run("deployment_status", "release", payload=payload)

    def propose(self) -> None:
        """Commit the changes on a branch, and check out its merge with main, as GitHub does."""
        self.toy.git("checkout", "-q", "-B", "proposal")
        self.toy.commit()
        self.toy.git("checkout", "-q", "main")
        self.toy.git("merge", "-q", "--no-ff", "-m", "merge", "proposal")


def settle(stack: ExitStack, template: Path, shared: Path, folder: Path) -> Place:
    root = folder / "fork"
    shutil.copytree(template, root, symlinks=True, ignore=shutil.ignore_patterns("dist"))
    toy, github = Toy(root), finished()
    server, url = serve(github)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    environments = toy.json(".github/settings/environments.json")
    for one in environments[1:3]:
        one["reviewers"] = [{"user": "hubot"}]
    toy.write(".github/settings/environments.json", json.dumps(environments, indent=2) + "\n")
    for name in ("canary", "production"):
        for rule in github.environments[name]["protection_rules"]:
            for reviewer in rule.get("reviewers", []):
                reviewer["reviewer"] |= {"id": 2, "login": "hubot"}
    if toy.git("status", "--porcelain"):
        toy.commit()
    github.attested = folder / "state/attestations"
    workflows = Workflows(
        root,
        folder / "state",
        folder / "home",
        url,
        TOKEN,
        environment={
            "BASE": BASE,  # make reads it; on GitHub, image/base/Dockerfile names the base
            "GITHUB_REPOSITORY": "octo/shop",
            # The machinery of the fork is that of this checkout.
            "MYPY_CACHE_DIR": str(CHECKOUT / ".mypy_cache"),
            "PIP_CACHE_DIR": str(shared / "pip"),
            # The fork has one small test for each job: several processes only cost time.
            "PYTEST_ADDOPTS": "-n0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "xdist.plugin",
        },
    )
    return Place(toy, github, workflows)
