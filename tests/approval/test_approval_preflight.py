"""Preflight: everything is checked before anyone is asked, and the page shows all of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sluice.delivery.attestation import APPROVAL
from support.fixture_project import Ran
from support.releases.repository import Repository, production
from support.releases.sabotage import DELIVERY, OCTOCAT, SETTINGS, STARTERS

NOWHERE = "2026.01.02-0123456789ab"
HOSTILE = [
    "@octocat approves",
    "<script>alert(1)</script>",
    "</details> <img src=x onerror=y>",
    "$(rm -rf /) `id` ${{ github.token }}",
    "a | b | c",
    "[here](http://example.org) ![x](https://example.org/x.png)",
    "first\n\n# All green\n- more",
    "first\r# All green",
    "closes #1 and GH-1, www.example.org",
    "\x1b[2J\u202egreen",
    "",
]


def page(repository: Repository) -> str:
    return (repository.root / "out/approval/approval.md").read_text("utf-8")


def commit(number: int, message: str) -> dict[str, Any]:
    return {"sha": f"{number:040x}", "commit": {"message": message}}


def refused(repository: Repository, *arguments: str, why: str, **env: str) -> Ran:
    """Nothing on GitHub changes, nobody is asked, and the page says why."""
    outputs = repository.root / "outputs"
    given = ("approval", "preflight", *arguments, "--outputs", str(outputs))
    ran = repository.refuses(*given, why="refused: ", status=1, **env)
    assert why in ran.said
    assert not outputs.exists()
    assert page(repository).startswith("# ❌ ")
    assert "nobody is asked to approve" in page(repository)
    return ran


def test_the_page_shows_everything_that_matters_for_the_decision(released: Repository) -> None:
    released.github.commits = [commit(1, "Earlier"), commit(2, "Later\n\nwith more to say")]
    outputs, newer = released.root / "outputs", released.newer
    outputs.write_text("kept=yes\n", "utf-8")
    released.run_process(
        "approval", "preflight", newer.delivery.version, "--outputs", str(outputs)
    ).went_well()
    assert outputs.read_text("utf-8") == (
        f"kept=yes\ndigest={newer.digest}\nchampion={released.older.tag}\n"
    )
    assert not released.github.writes
    text = page(released)
    assert text.startswith(f"# 🔎 Release {newer.delivery.version} to production?\n")
    for one in (released.older, newer):
        for said in (one.delivery.version, one.delivery.commit, one.delivery.image, one.digest):
            assert said in text
    for name, digest in newer.delivery.files.items():
        assert f"| {name} | `{digest}` |" in text
    assert "The candidate passes in the test environment" in text
    assert "### Metrics" in text
    assert "- Later (`0000000`)\n- Earlier (`0000000`)\n" in text
    assert "❌" not in text


def test_a_folder_with_files_of_someone_else_is_not_deleted(released: Repository) -> None:
    thesis = released.root / "documents" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("three years of work", "utf-8")
    given = ("approval", "preflight", released.newer.tag, "--out", "documents")
    released.refuses(*given, why="documents holds files but no approval.md")
    assert thesis.read_text("utf-8") == "three years of work"


def test_the_first_release(delivered: Repository) -> None:
    outputs = delivered.root / "outputs"
    given = ("approval", "preflight", delivered.older.tag, "--outputs", str(outputs))
    delivered.run(*given).went_well()
    assert outputs.read_text("utf-8") == f"digest={delivered.older.digest}\nchampion=none\n"
    assert "There is no champion: this would be the first release." in page(delivered)


def test_a_comparison_with_another_version_than_the_champion(delivered: Repository) -> None:
    """Once one of two delivered versions is released, the other was not compared with it."""
    why = f"was compared with the champion {delivered.older.tag}, but it is none now"
    refused(delivered, delivered.newer.tag, why=why)


def test_commits_that_cannot_be_compared(released: Repository) -> None:
    gone = (404, {"message": "Not Found"})
    released.github.interfere = lambda _, path, __: gone if "/compare/" in path else None
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "find out who rewrote the history" in page(released)


def test_many_commits_are_counted(released: Repository) -> None:
    released.github.commits = [commit(n, f"Number {n}") for n in range(60)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    seen, _, rest = page(released).partition("<details><summary>Earlier commits</summary>\n\n")
    folded = rest.partition("\n\n</details>\n\n## ")[0]
    assert re.findall(r"Number (\d+) ", seen) == [str(n) for n in range(59, 47, -1)]
    assert re.findall(r"Number (\d+) ", folded) == [str(n) for n in range(47, 9, -1)]
    assert folded.endswith("\n- and 10 earlier")


def test_more_commits_than_one_answer_holds(released: Repository) -> None:
    released.github.commits = [commit(n, f"Number {n}") for n in range(300)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "champion\n\n- Number 299 (" in page(released)
    assert "- Number 250 (" in page(released)
    assert "Number 249 (" not in page(released)
    assert "- and 250 earlier\n" in page(released)


def test_a_version_that_is_older_than_the_champion(released: Repository) -> None:
    released.github.commits = [commit(1, "What would go"), commit(2, "And this")]
    released.github.releases.reverse()
    released.run("approval", "preflight", released.newer.tag).went_well()
    said = "**This version is older than the champion: 2 commits would be taken back**"
    assert f"{said}\n\n- And this (`0000000`)\n- What would go (`0000000`)\n" in page(released)


def test_a_version_that_lacks_some_of_the_champion(released: Repository) -> None:
    released.github.commits = [commit(1, "What would come")]
    released.github.astray = [commit(2, "What would go"), commit(3, "And this")]
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "1 commit would be added, 2 commits would be taken back**\n\n" in page(released)
    assert "Would be added:\n\n- What would come (`0000000`)\n\n" in page(released)
    assert "Would be taken back:\n\n- And this (`0000000`)\n- What would go" in page(released)


def test_a_version_of_the_commit_of_the_champion(released: Repository) -> None:
    released.github.interfere = lambda _, path, __: (
        (200, {"status": "identical", "total_commits": 0, "commits": []})
        if "/compare/" in path
        else None
    )
    released.run("approval", "preflight", released.newer.tag).went_well()
    assert "Nothing: both were built from the same commit." in page(released)


def test_commit_messages_are_inert(released: Repository) -> None:
    released.run("approval", "preflight", released.newer.tag).went_well()
    plain = page(released)
    released.github.commits = [commit(n, message) for n, message in enumerate(HOSTILE)]
    released.run("approval", "preflight", released.newer.tag).went_well()
    before, _, rest = page(released).partition("## What changed since the champion\n\n")
    section, _, after = rest.partition("\n\n")
    assert before == plain.partition("## What changed")[0]
    assert after in plain
    lines = section.split("\n")
    assert len(lines) == len(HOSTILE)
    for line in lines:
        said = re.fullmatch(r"- (.*) \(`0{7}`\)", line)
        assert said, line
        assert not re.search(r"[<>|`\[\]$\\\x1b\u202e]|@o|(?<!&)#\d|GH-|www\.|://", said[1]), line


def test_annotated_tag(released: Repository) -> None:
    newer = released.newer
    released.github.tags[newer.tag] = {"sha": newer.delivery.commit[::-1], "type": "tag"}
    released.run("approval", "preflight", newer.tag).went_well()


@pytest.mark.parametrize("case", SETTINGS)
def test_production_that_does_not_wait_for_someone_else(released: Repository, case: str) -> None:
    """It is refused whatever else is wrong; a version that does not exist makes the test quick."""
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
    (released.attestations / f"{released.older.digest}.{APPROVAL}.json").unlink()
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
    assert "evil.example" not in page(released)


def test_a_champion_whose_tag_was_moved(released: Repository) -> None:
    """It is attested, but the tag points to another commit."""
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
    refused(released, released.newer.tag, why="GitHub names no latest release")


def test_already_released(released: Repository) -> None:
    ran = refused(released, released.older.tag, why="is a full release already")
    assert "workflow Roll back" in ran.said


def test_it_is_unknown_who_started_it(released: Repository) -> None:
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
    refused(released, released.newer.tag, why="no reviewer other than hubot and octocat", **again)


@pytest.mark.parametrize("reason", [None, "It refuses everyone since this morning"])
@pytest.mark.parametrize("case", STARTERS)
def test_a_starter_that_is_not_a_person(
    released: Repository, case: str, reason: str | None
) -> None:
    """The person behind it could approve their own release."""
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
    refused(released, NOWHERE, why="GitHub answers 404")


def test_a_team_counts_as_someone_else(released: Repository) -> None:
    made = production()
    team = {"type": "Team", "reviewer": {"id": 77, "slug": "releasers"}}
    rule = {"id": 7, "type": "required_reviewers", "prevent_self_review": True}
    made["protection_rules"].append({**rule, "reviewers": [team]})
    released.github.environments["production"] = made
    released.name_reviewers(team="releasers")
    released.run("approval", "preflight", released.newer.tag).went_well()


@pytest.mark.parametrize("nobody", [{"type": "Team"}, {"reviewer": {"id": 2}}, {}])
def test_a_reviewer_whom_github_does_not_name_does_not_count(
    released: Repository, nobody: Any
) -> None:
    released.name_reviewers("octocat")
    made = production("octocat")
    made["protection_rules"][-1]["reviewers"].append(nobody)
    released.github.environments["production"] = made
    refused(released, NOWHERE, why="has no reviewer other than octocat, who started this")


def test_github_is_down(released: Repository) -> None:
    down = {"GITHUB_API_URL": "http://127.0.0.1:9"}
    refused(released, released.newer.tag, why="no answer from http://127.0.0.1:9", **down)


@pytest.mark.parametrize("where", ["", "/environments/", "/releases", "/git/", "/compare/"])
def test_github_refuses(released: Repository, where: str) -> None:
    limit = (403, {"message": "API rate limit exceeded"})
    released.github.interfere = lambda _, path, __: limit if where in path else None
    refused(released, released.newer.tag, why="API rate limit exceeded")


def test_no_token(released: Repository) -> None:
    nothing = {"GITHUB_TOKEN": "", "PATH": "/nowhere"}
    refused(released, released.newer.tag, why="no token", **nothing)


def test_an_earlier_page_is_deleted(released: Repository) -> None:
    released.run("approval", "preflight", released.newer.tag).went_well()
    refused(released, "latest", why="is not a version")
    assert not (released.root / "out/approval/delivery/delivery.json").exists()


def test_outside_the_project(released: Repository) -> None:
    (released.root / ".github/settings/environments.json").unlink()
    refused(released, released.newer.tag, why="environments.json is missing")
