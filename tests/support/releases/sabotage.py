"""Faults of a repository or a delivery at the time of a release.

Preflight must refuse it, and so must each command after the approval, because the fault can also
occur while the run waits for the approval.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.releases.attested import attest, forget, sha256
from support.releases.repository import CUSTOM, Repository, production
from support.releases.versions import Version

Sabotage = Callable[[Repository, Version], object]


def environment(*reviewers: str, **settings: Any) -> Sabotage:
    """The environment production on GitHub with settings that must be refused."""

    def do(repository: Repository, _: Version) -> None:
        repository.github.environments["production"] = production(*reviewers, **settings)

    return do


def no_environment(repository: Repository, _: Version) -> None:
    del repository.github.environments["production"]


def unnamed(repository: Repository, _: Version) -> None:
    """A copy of the template that was never set up."""
    repository.name_reviewers()
    for name in ("canary", "production"):
        repository.github.environments[name] = production(name=name)


def only_the_starter(repository: Repository, _: Version) -> None:
    repository.name_reviewers("octocat")
    for name in ("canary", "production"):
        repository.github.environments[name] = production("octocat", name=name)


def pattern(name: str) -> Sabotage:
    def do(repository: Repository, _: Version) -> None:
        repository.github.policies["production"].append({"id": 99, "name": name, "type": "branch"})

    return do


def own_settings(repository: Repository, _: Version) -> None:
    """Settings files that ask for the weak setting that GitHub has."""
    file = repository.root / ".github/settings/environments.json"
    said = json.loads(file.read_bytes())
    said[1]["prevent_self_review"] = False
    file.write_text(json.dumps(said), "utf-8")
    repository.github.environments["production"] = production("hubot", self_review=True)


def weaker_plan(repository: Repository, _: Version) -> None:
    repository.github.repository["private"] = True
    repository.github.environments["production"] = production()


def moved_tag(repository: Repository, version: Version) -> None:
    repository.github.tags[version.tag] = {"sha": "f" * 40, "type": "commit"}


def moved_annotated_tag(repository: Repository, version: Version) -> None:
    repository.github.tags[version.tag] = {"sha": version.delivery.commit, "type": "tag"}


def no_tag(repository: Repository, version: Version) -> None:
    del repository.github.tags[version.tag]


def added(repository: Repository, version: Version) -> None:
    repository.add_asset(version.tag, "approval.txt", b"approved by all")


def missing(repository: Repository, version: Version) -> None:
    repository.github.release(version.tag)["assets"].remove(
        repository.github.asset(version.tag, "load.json")
    )


def swapped(name: str, content: bytes) -> Sabotage:
    return lambda repository, version: repository.github.swap(version.tag, name, content)


def package_swapped(repository: Repository, version: Version) -> None:
    other = repository.older if version is repository.newer else repository.newer
    repository.github.swap(version.tag, version.delivery.package, other.package.read_bytes())


def renamed_image(version: Version) -> bytes:
    said = json.loads((version.folder / "delivery.json").read_bytes())
    return json.dumps(said | {"image": said["image"].replace(version.image, "2" * 64)}).encode()


def delivery_swapped(repository: Repository, version: Version) -> None:
    repository.github.swap(version.tag, "delivery.json", renamed_image(version))


def reattested(**by: str) -> Sabotage:
    """Someone replaced a file and attested that, but not as main's delivery workflow."""

    def do(repository: Repository, version: Version) -> None:
        delivery_swapped(repository, version)
        attest(
            repository.attestations,
            sha256(renamed_image(version)),
            **{"commit": version.delivery.commit, **by},
        )

    return do


def package_unattested(repository: Repository, version: Version) -> None:
    forget(repository.attestations, sha256(version.package.read_bytes()))


def image_unattested(repository: Repository, version: Version) -> None:
    """The image has no attestation, or is no longer in the registry, where gh looks for it."""
    forget(repository.attestations, version.image)


def draft(repository: Repository, version: Version) -> None:
    repository.github.release(version.tag)["draft"] = True


def gone(repository: Repository, version: Version) -> None:
    repository.github.releases.remove(repository.github.release(version.tag))


def open_canary(repository: Repository, _: Version) -> None:
    """The environment canary has no reviewers, so nobody would approve what takes over
    production.
    """
    repository.github.environments["canary"] = production(name="canary")


SETTINGS: dict[str, tuple[Sabotage, str]] = {
    "no environment": (no_environment, "environment production: exists: no"),
    "no reviewers of the canary": (open_canary, "environment canary: reviewers: none"),
    "nobody named": (unnamed, "no reviewers are named"),
    "no reviewers": (environment(), "reviewers: none, should be hubot"),
    "other reviewers": (environment("monalisa"), "reviewers: monalisa, should be hubot"),
    "one more reviewer": (environment("hubot", "octocat"), "should be hubot"),
    "the starter alone": (only_the_starter, "has no reviewer except octocat, who started this"),
    "self-review": (
        environment("hubot", self_review=True),
        "approval by the person who started the run: allowed",
    ),
    "files that allow self-review": (own_settings, "prevent_self_review must be true"),
    "every branch": (environment("hubot", policy=None), "what may deploy: every branch"),
    "protected branches": (
        environment("hubot", policy={key: not value for key, value in CUSTOM.items()}),
        "protected branches (every branch if none is)",
    ),
    "pattern *": (pattern("*"), "branch *: may deploy, should be refused"),
    "pattern of a branch": (pattern("evil"), "branch evil: may deploy, should be refused"),
    "administrators": (environment("hubot", bypass=True), "bypass by administrators: allowed"),
    "administrators, untold": (environment("hubot", bypass=None), "not given by GitHub"),
    "a plan without reviewers": (
        weaker_plan,
        "A weaker alternative, which GitHub does not enforce: request each",
    ),
}
OCTOCAT = {"login": "octocat", "id": 1, "type": "User"}
BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}
# The accounts that started a run and started it again, and the one that is not a person.
STARTERS: dict[str, tuple[Any, Any, str]] = {
    "a workflow": (BOT, BOT, "github-actions[bot]"),
    "a workflow, then a person": (BOT, OCTOCAT, "github-actions[bot]"),
    "a person, then a workflow": (OCTOCAT, BOT, "github-actions[bot]"),
    "an app": (OCTOCAT | {"login": "deployer", "type": "App"},) * 2 + ("deployer",),
    "a bot that is called a user": (BOT | {"type": "User"},) * 2 + ("github-actions[bot]",),
    "a bot by its type": (OCTOCAT | {"type": "Bot"},) * 2 + ("octocat",),
    "an organization": (OCTOCAT | {"type": "Organization"},) * 2 + ("octocat",),
    "of no type": ({"login": "octocat", "id": 1},) * 2 + ("octocat",),
    "of type null": (OCTOCAT | {"type": None},) * 2 + ("octocat",),
    "without a login": ({"id": 1, "type": "User"},) * 2 + ("someone whom GitHub does not name",),
    "nobody": (None, None, "someone whom GitHub does not name"),
}
DELIVERY: dict[str, tuple[Sabotage, str]] = {
    "a draft": (draft, "there is no release v"),
    "gone": (gone, "there is no release v"),
    "a moved tag": (moved_tag, f"points to the commit {'f' * 40}"),
    "a moved annotated tag": (moved_annotated_tag, "the tag was moved or deleted"),
    "no tag": (no_tag, "does not exist, but the delivery was built from"),
    "a file added": (added, "the file approval.txt is not in delivery.json"),
    "a file missing": (missing, "expected one file load.json, found 0"),
    "a report swapped": (
        swapped("report.json", b"{}"),
        "the sha256 of report.json is not the one in delivery.json",
    ),
    "the package swapped": (package_swapped, ".tar is not the one in delivery.json"),
    "delivery.json swapped": (delivery_swapped, "there is no attestation"),
    "delivery.json no JSON": (
        swapped("delivery.json", b"\xff"),
        "is not a valid record of a delivery",
    ),
    "attested by another workflow": (reattested(workflow="CI"), "there is no attestation"),
    "attested on another branch": (reattested(ref="refs/heads/evil"), "there is no attestation"),
    "attested at another commit": (reattested(commit="c" * 40), "there is no attestation"),
    "the package unattested": (package_unattested, "no attestations found"),
    "the image unattested": (image_unattested, "no attestations found"),
}
