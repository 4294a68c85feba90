"""Preflight checks everything before anyone is asked for approval; the page shows the results."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sluice.delivery.publication import APPROVED
from support.fixture_project import Ran
from support.releases.attested import forget
from support.releases.repository import Repository, production
from support.releases.sabotage import DELIVERY, OCTOCAT, SETTINGS, STARTERS

NOWHERE = "2026.01.02-0123456789ab"


def refused(repository: Repository, *arguments: str, why: str, **env: str) -> Ran:
    """Nothing on GitHub changes, nobody is asked for approval, and the page says why."""
    outputs = repository.root / "outputs"
    given = ("approval", "preflight", *arguments, "--outputs", str(outputs))
    ran = repository.refuses(*given, why="refused: ", status=1, **env)
    assert why in ran.said
    assert not outputs.exists()
    assert repository.page.startswith("# ❌ ")
    assert "nobody is asked to approve" in repository.page
    return ran


def test_a_folder_with_files_of_someone_else_is_not_deleted(released: Repository) -> None:
    thesis = released.root / "documents" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("three years of work", "utf-8")
    given = ("approval", "preflight", released.newer.tag, "--out", "documents")
    released.refuses(*given, why="documents has files but no approval.md")
    assert thesis.read_text("utf-8") == "three years of work"


def test_a_comparison_with_another_version_than_the_champion(delivered: Repository) -> None:
    """After the release of one of two delivered versions, the other one is refused: it was compared
    with an earlier champion.
    """
    why = f"was compared with the champion {delivered.older.tag}, but it is none now"
    refused(delivered, delivered.newer.tag, why=why)


def test_annotated_tag(released: Repository) -> None:
    newer = released.newer
    released.github.tags[newer.tag] = {"sha": newer.delivery.commit[::-1], "type": "tag"}
    released.run("approval", "preflight", newer.tag).went_well()


@pytest.mark.parametrize("case", SETTINGS)
def test_production_that_does_not_wait_for_someone_else(released: Repository, case: str) -> None:
    """Preflight refuses for every version, so the test names one that does not exist, which is
    quicker.
    """
    sabotage, why = SETTINGS[case]
    sabotage(released, released.newer)
    ran = refused(released, NOWHERE, why=why)
    assert re.search(rf"preflight/(environment|reviewers|ran): .*{re.escape(why)}", ran.out)


@pytest.mark.parametrize(
    "case", ["no environment", "the starter alone", "administrators", "administrators, untold"]
)
def test_a_wrong_setting_alone_is_refused(released: Repository, case: str) -> None:
    sabotage, why = SETTINGS[case]
    sabotage(released, released.newer)
    ran = refused(released, released.newer.tag, why=why)
    assert re.search("pass +preflight/delivery: ", ran.out)


@pytest.mark.parametrize("case", DELIVERY)
def test_a_delivery_that_is_not_intact(released: Repository, case: str) -> None:
    sabotage, why = DELIVERY[case]
    sabotage(released, released.newer)
    refused(released, released.newer.tag, why=why)


def test_a_champion_that_is_not_a_delivery(released: Repository) -> None:
    released.github.swap(released.older.tag, "delivery.json", b"{}")
    why = f"preflight/champion: the champion {released.older.tag} cannot be read: release v"
    refused(released, released.newer.tag, why=why)


def test_a_champion_that_nobody_approved(released: Repository) -> None:
    forget(released.attestations, released.older.digest, APPROVED)
    refused(released, released.newer.tag, why="release.yml on main that it was approved")


def test_a_champion_without_an_attestation_is_not_on_the_page(released: Repository) -> None:
    content = (released.older.folder / "delivery.json").read_bytes()
    said = json.loads(content) | {"image": f"evil.example/x@sha256:{'6' * 64}"}
    released.github.swap(released.older.tag, "delivery.json", json.dumps(said).encode())
    refused(
        released,
        released.newer.tag,
        why="no attestation that .github/workflows/deliver.yml on main built it",
    )
    assert "evil.example" not in released.page


def test_a_champion_whose_tag_was_moved(released: Repository) -> None:
    """The champion is attested, but its tag points to another commit."""
    released.github.tags[released.older.tag] = {"sha": "f" * 40, "type": "commit"}
    refused(released, released.newer.tag, why=f"the tag {released.older.tag} points to")


@pytest.mark.parametrize(
    "version",
    [
        "2026.01.02-0123456789ab; rm -rf /",
        "../../releases/latest",
        "$(id)",
        "v2026.01.02-0123456789ab\nv2026.01.02-0123456789ab",
        "latest",
        "vv2026.01.02-0123456789ab",
        "\u0662\u0660\u0662\u0666.01.02-0123456789ab",
        "",
    ],
)
def test_text_that_is_not_a_version(released: Repository, version: str) -> None:
    refused(released, version, why="is not a version")
    asked = [path for _, path, _ in released.github.requests]
    asked = [path for path in asked if not path.endswith(f"/tags/{released.older.tag}")]
    assert not [path for path in asked if "tags/" in path or ".." in path]


def test_a_version_that_does_not_exist(released: Repository) -> None:
    refused(released, NOWHERE, why=f"there is no release v{NOWHERE}")


def test_one_404_does_not_mean_that_there_is_no_champion(released: Repository) -> None:
    released.hide_latest()
    refused(released, released.newer.tag, why="GitHub marks no release as the latest")


def test_already_released(released: Repository) -> None:
    ran = refused(released, released.older.tag, why="is already a full release")
    assert "workflow Roll back" in ran.said


def test_an_unknown_starter_is_refused(released: Repository) -> None:
    nobody = {"GITHUB_ACTOR": "", "GITHUB_TRIGGERING_ACTOR": ""}
    refused(released, released.newer.tag, why="GITHUB_ACTOR is not set", **nobody)


def test_a_run_on_a_tag_uses_the_workflow_of_that_tag(released: Repository) -> None:
    on_tag = {"GITHUB_REF": "refs/tags/v1"}
    refused(released, released.newer.tag, why="uses the workflow of refs/tags/v1", **on_tag)


def test_the_text_of_an_asset_is_not_a_command_for_the_runner(released: Repository) -> None:
    hostile = "a\n::set-output name=digest::0\n::error title=approve::all is well\n##[add-mask]x"
    content = json.dumps({hostile: "1"}).encode()
    released.github.swap(released.newer.tag, "delivery.json", content)
    ran = refused(released, released.newer.tag, why="::set-output")
    assert not [line for line in ran.said.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in ran.said


def test_a_person_who_starts_it_again_is_a_starter_too(released: Repository) -> None:
    again = released.started_by(OCTOCAT, OCTOCAT | {"login": "HuBot"})
    refused(released, released.newer.tag, why="no reviewer except hubot and octocat", **again)


@pytest.mark.parametrize("reason", [None, "It refuses everyone since this morning"])
@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_not_a_person(
    released: Repository, case: str, reason: str | None
) -> None:
    """The person behind a bot or an app could approve their own release."""
    actor, again, named = STARTERS[case]
    env = released.started_by(actor, again)
    why = f"GitHub does not say that {named}, who started this run, is a person"
    asked = [NOWHERE] if reason is None else [NOWHERE, "--reason", reason]
    ran = refused(released, *asked, why=why, **env)
    assert re.search(r"fail +preflight/starter: ", ran.out)


@pytest.mark.parametrize("name", ["GITHUB_ACTOR", "GITHUB_TRIGGERING_ACTOR"])
def test_a_starter_whom_github_does_not_name(released: Repository, name: str) -> None:
    why = "GitHub does not say that monalisa, who started this run, is a person"
    refused(released, NOWHERE, why=why, **{name: "monalisa"})


def test_a_wrong_starter_alone_is_refused(released: Repository) -> None:
    actor, again, named = STARTERS["a workflow"]
    env = released.started_by(actor, again)
    ran = refused(released, released.newer.tag, why=f"{named}, who started this run", **env)
    assert ran.out.count("fail ") == 1


def test_a_run_that_github_does_not_know(released: Repository) -> None:
    released.github.run["id"] += 1
    refused(released, NOWHERE, why="GitHub answered 404")


def test_a_team_counts_as_someone_else(released: Repository) -> None:
    team = {"type": "Team", "reviewer": {"id": 77, "slug": "releasers"}}
    rule = {"id": 7, "type": "required_reviewers", "prevent_self_review": True}
    for name in ("canary", "production"):
        made = production(name=name)
        made["protection_rules"].append({**rule, "reviewers": [team]})
        released.github.environments[name] = made
    released.name_reviewers(team="releasers")
    released.run("approval", "preflight", released.newer.tag).went_well()


@pytest.mark.parametrize("nobody", [{"type": "Team"}, {"reviewer": {"id": 2}}, {}])
def test_an_unnamed_reviewer_does_not_count(released: Repository, nobody: Any) -> None:
    released.name_reviewers("octocat")
    made = production("octocat")
    made["protection_rules"][-1]["reviewers"].append(nobody)
    released.github.environments["production"] = made
    refused(released, NOWHERE, why="has no reviewer except octocat, who started this")


def of(**digests: str) -> list[dict[str, str]]:
    return [{"type": "file", "name": f"{name}.yml", "sha": sha} for name, sha in digests.items()]


def test_workflows_that_main_no_longer_has(released: Repository) -> None:
    """If a release's commit has other workflows than main, GitHub refuses the workflow's own token;
    the approver must know this in advance.
    """
    commit = released.newer.delivery.commit
    main = of(ci="1", deliver="2", added_since="3")
    released.github.folders["workflows"] = {"main": main, commit: of(ci="1", deliver="0", gone="4")}
    ran = released.run("approval", "preflight", released.newer.tag).went_well()
    differ = f"deliver.yml at {commit[:7]}, gone.yml at {commit[:7]}. GitHub then refuses"
    assert f"preflight/workflows: .github/workflows differs from main: {differ}" in ran.out
    assert "⚠️ **preflight/workflows**" in released.page
    assert "secret RELEASE_TOKEN of the environment publish" in " ".join(released.page.split())
    released.github.folders["workflows"][commit] = of(ci="1", deliver="2")
    ran = released.run("approval", "preflight", released.newer.tag).went_well()
    assert "the workflows of the releases are those of main" in ran.out


def test_workflows_of_a_version_that_would_be_rolled_back(released: Repository) -> None:
    """A rollback also changes the release of such a version, so its workflows matter too."""
    released.make_champion(released.newer.tag)
    released.github.folders["workflows"] = {released.newer.delivery.commit: of(ci="1")}
    reason = ("--reason", "It refuses everyone since this morning")
    ran = released.run("approval", "preflight", released.older.tag, *reason).went_well()
    assert f"ci.yml at {released.newer.delivery.commit[:7]}." in ran.out


def test_github_is_down(released: Repository) -> None:
    down = {"GITHUB_API_URL": "http://127.0.0.1:9"}
    refused(released, released.newer.tag, why="no answer from http://127.0.0.1:9", **down)


@pytest.mark.parametrize("where", ["", "/environments/", "/releases", "/git/", "/compare/"])
def test_github_refuses(released: Repository, where: str) -> None:
    limit = (403, {"message": "API rate limit exceeded"})
    released.github.interfere = lambda _, path, __: limit if where in path else None
    refused(released, released.newer.tag, why="API rate limit exceeded")


def test_a_missing_token_is_an_error(released: Repository) -> None:
    nothing = {"GITHUB_TOKEN": "", "PATH": "/nowhere"}
    refused(released, released.newer.tag, why="no token", **nothing)


def test_an_earlier_page_is_deleted(released: Repository) -> None:
    released.run("approval", "preflight", released.newer.tag).went_well()
    refused(released, "latest", why="is not a version")
    assert not (released.root / "out/approval/delivery/delivery.json").exists()


def test_outside_the_project(released: Repository) -> None:
    (released.root / ".github/settings/environments.json").unlink()
    refused(released, released.newer.tag, why="environments.json is missing")
