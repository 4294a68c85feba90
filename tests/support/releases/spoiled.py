"""What may be wrong with a repository or a delivery by the time that someone releases it.

Preflight looks at it, and so does each command after the approval: what was right may have
been made wrong while people waited.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from support.releases.attested import attest, sha256
from support.releases.counter import CUSTOM, Counter, production
from support.releases.wares import Wares

Spoil = Callable[[Counter, Wares], object]


def environment(*reviewers: str, **settings: Any) -> Spoil:
    """Production on GitHub as it ought not to be."""

    def do(counter: Counter, _: Wares) -> None:
        counter.github.environments["production"] = production(*reviewers, **settings)

    return do


def no_environment(counter: Counter, _: Wares) -> None:
    del counter.github.environments["production"]


def unnamed(counter: Counter, _: Wares) -> None:
    """A copy of the template that nobody has set up."""
    counter.name_reviewers()
    counter.github.environments["production"] = production()


def only_the_starter(counter: Counter, _: Wares) -> None:
    counter.name_reviewers("octocat")
    counter.github.environments["production"] = production("octocat")


def pattern(name: str) -> Spoil:
    def do(counter: Counter, _: Wares) -> None:
        counter.github.policies["production"].append({"id": 99, "name": name, "type": "branch"})

    return do


def own_settings(counter: Counter, _: Wares) -> None:
    """Files that agree with whatever GitHub has."""
    file = counter.root / ".github/settings/environments.json"
    said = json.loads(file.read_bytes())
    said[1]["prevent_self_review"] = False
    file.write_text(json.dumps(said), "utf-8")
    counter.github.environments["production"] = production("hubot", self_review=True)


def weaker_plan(counter: Counter, _: Wares) -> None:
    counter.github.repository["private"] = True
    counter.github.environments["production"] = production()


def moved_tag(counter: Counter, wares: Wares) -> None:
    counter.github.tags[wares.tag] = {"sha": "f" * 40, "type": "commit"}


def moved_annotated_tag(counter: Counter, wares: Wares) -> None:
    counter.github.tags[wares.tag] = {"sha": wares.made.commit, "type": "tag"}


def no_tag(counter: Counter, wares: Wares) -> None:
    del counter.github.tags[wares.tag]


def added(counter: Counter, wares: Wares) -> None:
    counter.add_asset(wares.tag, "approval.txt", b"approved by all")


def missing(counter: Counter, wares: Wares) -> None:
    counter.github.release(wares.tag)["assets"].remove(counter.github.asset(wares.tag, "load.json"))


def swapped(name: str, content: bytes) -> Spoil:
    return lambda counter, wares: counter.github.swap(wares.tag, name, content)


def package_swapped(counter: Counter, wares: Wares) -> None:
    other = counter.older if wares is counter.newer else counter.newer
    counter.github.swap(wares.tag, wares.made.package, other.package.read_bytes())


def renamed_image(wares: Wares) -> bytes:
    said = json.loads((wares.folder / "delivery.json").read_bytes())
    return json.dumps(said | {"image": said["image"].replace(wares.image, "2" * 64)}).encode()


def delivery_swapped(counter: Counter, wares: Wares) -> None:
    counter.github.swap(wares.tag, "delivery.json", renamed_image(wares))


def reattested(**by: str) -> Spoil:
    """Swapped, by someone who can attest, but not as main's delivery workflow."""

    def do(counter: Counter, wares: Wares) -> None:
        delivery_swapped(counter, wares)
        attest(counter.notes, sha256(renamed_image(wares)), **{"commit": wares.made.commit, **by})

    return do


def package_unattested(counter: Counter, wares: Wares) -> None:
    (counter.notes / f"{sha256(wares.package.read_bytes())}.provenance.json").unlink()


def image_unattested(counter: Counter, wares: Wares) -> None:
    """Or gone from the registry: gh asks there."""
    (counter.notes / f"{wares.image}.provenance.json").unlink()


def draft(counter: Counter, wares: Wares) -> None:
    counter.github.release(wares.tag)["draft"] = True


def gone(counter: Counter, wares: Wares) -> None:
    counter.github.releases.remove(counter.github.release(wares.tag))


SETTINGS: dict[str, tuple[Spoil, str]] = {
    "no environment": (no_environment, "environment production: is: missing"),
    "nobody named": (unnamed, "names nobody who approves"),
    "no reviewers": (environment(), "reviewers: none, should be hubot"),
    "other reviewers": (environment("monalisa"), "reviewers: monalisa, should be hubot"),
    "one more reviewer": (environment("hubot", "octocat"), "should be hubot"),
    "the starter alone": (only_the_starter, "has no reviewer but octocat, who started this"),
    "self-review": (environment("hubot", self_review=True), "own release: allowed"),
    "files that allow self-review": (own_settings, "prevent_self_review must be true"),
    "every branch": (environment("hubot", policy=None), "what may deploy: every branch"),
    "protected branches": (
        environment("hubot", policy={key: not value for key, value in CUSTOM.items()}),
        "every branch while none is",
    ),
    "pattern *": (pattern("*"), "branch *: may deploy, should be refused"),
    "pattern of a branch": (pattern("evil"), "branch evil: may deploy, should be refused"),
    "administrators": (environment("hubot", bypass=True), "administrators: may bypass it"),
    "administrators, untold": (environment("hubot", bypass=None), "not told by GitHub"),
    "a plan without reviewers": (weaker_plan, "The weaker way: ask for each release"),
}
OCTOCAT = {"login": "octocat", "id": 1, "type": "User"}
BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}
# GitHub's accounts of who started a run and who started it again, and who is no person.
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
    "without a login": ({"id": 1, "type": "User"},) * 2 + ("someone whom github does not name",),
    "nobody": (None, None, "someone whom github does not name"),
}
DELIVERY: dict[str, tuple[Spoil, str]] = {
    "a draft": (draft, "there is no release v"),
    "gone": (gone, "there is no release v"),
    "a moved tag": (moved_tag, f"was moved: it points to {'f' * 40}"),
    "a moved annotated tag": (moved_annotated_tag, "was moved: it points to"),
    "no tag": (no_tag, "was moved: it points to nothing"),
    "a file added": (added, "approval.txt was added after the delivery"),
    "a file missing": (missing, "load.json is not there once"),
    "a report swapped": (swapped("report.json", b"{}"), "report.json was changed after"),
    "the package swapped": (package_swapped, ".tar was changed after"),
    "delivery.json swapped": (delivery_swapped, "no attestation of"),
    "delivery.json no JSON": (swapped("delivery.json", b"\xff"), "is not a delivery"),
    "attested by another workflow": (reattested(workflow="CI"), "no attestation of"),
    "attested on another branch": (reattested(ref="refs/heads/evil"), "no attestation of"),
    "attested at another commit": (reattested(commit="c" * 40), "no attestation of"),
    "the package unattested": (package_unattested, "no attestations found"),
    "the image unattested": (image_unattested, "no attestations found"),
}
