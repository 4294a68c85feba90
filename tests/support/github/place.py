"""A project before a GitHub, and what a person types in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.fixture_project import Ran, Toy
from support.github.fake_github import TOKEN, FakeGitHub


@dataclass
class Place:
    toy: Toy
    github: FakeGitHub
    url: str

    def run(self, *arguments: str, **environment: str) -> Ran:
        """`sluice github …` as a person types it."""
        own = {
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_TOKEN": TOKEN,
            "GH_TOKEN": "",
            "SLUICE_DEBUG": "",
        }
        ran = self.toy.sluice("github", *arguments, **{**own, **environment})
        assert TOKEN not in ran.said
        return ran

    def setup(self, *arguments: str, **environment: str) -> Ran:
        return self.run("setup", *arguments, **environment)

    def doctor(self, *arguments: str, **environment: str) -> Ran:
        return self.run("doctor", *arguments, **environment)

    def settings(self, name: str) -> Any:
        return self.toy.json(f".github/settings/{name}.json")

    def write(self, name: str, content: Any) -> None:
        self.toy.write(f".github/settings/{name}.json", json.dumps(content, indent=2) + "\n")

    def name_reviewers(self, *reviewers: dict[str, str]) -> None:
        environments = self.settings("environments")
        environments[1]["reviewers"] = list(reviewers)
        self.write("environments", environments)
