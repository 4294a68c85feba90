"""A project, its GitHub, and the commands that a person types in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.command_line import CommandLine
from support.fixture_project import Ran, Toy
from support.github.fake_github import TOKEN, FakeGitHub


@dataclass
class Place:
    toy: Toy
    github: FakeGitHub
    url: str
    command_line: CommandLine

    def run(self, *arguments: str, **changed: str) -> Ran:
        """`sluice github …` in this process."""
        env = self.toy.environment(**self.environment(**changed))
        return self._without_token(
            self.command_line.run(self.toy.root, "github", *arguments, **env)
        )

    def run_process(self, *arguments: str, **changed: str) -> Ran:
        """`sluice github …` as a process of its own."""
        return self._without_token(
            self.toy.sluice("github", *arguments, **self.environment(**changed))
        )

    def environment(self, **changed: str) -> dict[str, str]:
        own = {
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_TOKEN": TOKEN,
            "GH_TOKEN": "",
            "SLUICE_DEBUG": "",
        }
        return {**own, **changed}

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
        for one in environments:
            if "reviewers" in one:
                one["reviewers"] = list(reviewers)
        self.write("environments", environments)

    def _without_token(self, ran: Ran) -> Ran:
        assert TOKEN not in ran.said
        return ran


# Starts a fake GitHub, and creates a project that uses it.
Before = Callable[[FakeGitHub], Place]
