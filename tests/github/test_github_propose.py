"""`sluice github propose` opens or updates one pull request, and treats the proposal as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sluice import proposal
from support.github.fake_branches import BOT_EMAIL
from support.github.fake_github import FakeGitHub
from support.github.fake_pulls import BASE
from support.github.place import Place

ROWS = b"key,weight\nn1,70\n"
MD5 = hashlib.md5(ROWS, usedforsecurity=False).hexdigest()
OBJECT = f".dvc/store/files/md5/{MD5[:2]}/{MD5[2:]}"
FILES = {"data.dvc": b"outs: []\n", "dvc.lock": b"schema: '2.0'\n", OBJECT: ROWS}


@pytest.fixture
def place(before: Callable[[FakeGitHub], Place]) -> Place:
    github = FakeGitHub()
    github.pulls = []
    return before(github)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tmp_path / "proposal")


def put(folder: Path, title: str = "Train toy again with 1,500 new rows") -> Path:
    root = folder.with_name("root")
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    proposal.write(root, folder, proposal.Text(BASE, title, "## Why\n\nIt was time.\n"), [*FILES])
    return folder


def test_one_pull_request_is_opened_and_then_updated(place: Place, folder: Path) -> None:
    ran = place.run("propose", str(folder))
    assert ran.status == 0, ran.said
    (pull,) = place.github.pulls
    assert pull["title"] == "Train toy again with 1,500 new rows"
    assert pull["body"] == "## Why\n\nIt was time.\n"
    head = place.github.branches["retraining"]
    assert place.github.files_of(head) == FILES
    assert place.github.objects[head]["parents"] == [{"sha": BASE}]
    assert place.github.branches["main"] == BASE
    assert place.github.labels_of == {pull["number"]: ["retraining"]}
    put(folder, "Train toy again with 1,600 new rows")
    assert place.run("propose", str(folder)).status == 0
    (pull,) = place.github.pulls
    assert pull["title"] == "Train toy again with 1,600 new rows"
    assert place.github.objects[place.github.branches["retraining"]]["parents"] == [{"sha": BASE}]
    assert place.github.undocumented == []


def test_two_runs_at_once_open_one_pull_request(place: Place, folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        ran = [*pool.map(lambda _: place.run_process("propose", str(folder)), range(2))]
    assert [one.status for one in ran] == [0, 0], [one.said for one in ran]
    assert len(place.github.pulls) == 1
    assert place.github.files_of(place.github.branches["retraining"]) == FILES


def test_the_loser_of_a_race_updates_what_the_winner_has_made(place: Place, folder: Path) -> None:
    """The other run creates branch and pull request between this run's read and write."""
    github = place.github

    def meanwhile(verb: str, path: str, _: int) -> Any:
        if (verb, path) == ("POST", "/repos/octo/shop/git/refs"):
            github.add_commit("retraining", BOT_EMAIL)
        if (verb, path) == ("POST", "/repos/octo/shop/pulls") and not github.pulls:
            github._create_pull(
                body={"head": "retraining", "base": "main", "title": "", "body": ""}
            )
        return None

    github.interfere = meanwhile
    ran = place.run("propose", str(folder))
    assert ran.status == 0, ran.said
    (pull,) = github.pulls
    assert pull["title"].startswith("Train toy again")
    assert github.files_of(github.branches["retraining"]) == FILES


@pytest.mark.parametrize("last", ["someone@example.org", BOT_EMAIL])
def test_a_branch_with_commits_of_a_person_is_not_changed(
    place: Place, folder: Path, last: str
) -> None:
    """This holds even if a bot made the newest commit."""
    place.github.add_commit("retraining", "someone@example.org")
    place.github.add_commit("retraining", last)
    before = place.github.branches["retraining"]
    ran = place.run("propose", str(folder))
    assert ran.status == 2
    assert "somebody else has committed" in ran.line
    assert place.github.branches["retraining"] == before
    assert place.github.pulls == []


def test_a_proposal_for_an_older_main_is_refused(place: Place, folder: Path) -> None:
    place.github.branches["main"] = "c" * 40
    ran = place.run("propose", str(folder))
    assert ran.status == 2
    assert "main is now at ccccccc" in ran.line
    assert place.github.writes == []


def test_without_the_right_to_open_one_the_branch_is_pushed_and_a_link_is_printed(
    place: Place, folder: Path
) -> None:
    place.github.may_open = False
    ran = place.run("propose", str(folder), GITHUB_SERVER_URL="https://github.example.org")
    assert ran.status == 1
    assert "https://github.example.org/octo/shop/compare/main...retraining?expand=1" in ran.out
    assert place.github.files_of(place.github.branches["retraining"]) == FILES


def test_a_folder_without_a_proposal_changes_nothing(place: Place, tmp_path: Path) -> None:
    ran = place.run("propose", str(tmp_path))
    assert ran.status == 0
    assert place.github.requests == []


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "proposal.json"
    made = json.loads(path.read_text())
    change(made)
    path.write_text(json.dumps(made))


def rename(path: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        target = folder / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(FILES["dvc.lock"])
        edit(folder, lambda made: made["files"][1].update(path=path))

    return change


def link(folder: Path) -> None:
    (folder / "files/dvc.lock").unlink()
    (folder / "files/dvc.lock").symlink_to("/etc/hostname")


def linked_folder(folder: Path) -> None:
    (folder / "files").rename(folder / "elsewhere")
    (folder / "files").symlink_to(folder / "elsewhere")


def other_bytes(folder: Path) -> None:
    (folder / "files/dvc.lock").write_bytes(b"schema: '3.0'\n")


def false_object(folder: Path) -> None:
    """An object whose name is not the hash of its content, although the record matches."""
    (folder / "files" / OBJECT).write_bytes(b"other rows")
    digest = hashlib.sha256(b"other rows").hexdigest()
    edit(
        folder,
        lambda made: [f.update(sha256=digest) for f in made["files"] if f["path"] == OBJECT],
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (rename(".github/workflows/ci.yml"), "not a file that a retraining may change"),
        (rename("params.yaml"), "not a file that a retraining may change"),
        (rename("src/usecase/candidates.py"), "not a file that a retraining may change"),
        (rename("../../dvc.lock"), "not a file that a retraining may change"),
        (link, "is a link"),
        (linked_folder, "is a link"),
        (other_bytes, "does not match the hash"),
        (false_object, "does not match the hash"),
        (lambda f: edit(f, lambda made: made.update(base="main")), "the base is not a commit"),
        (lambda f: edit(f, lambda made: made.update(branch="main")), "is not a proposal"),
        (lambda f: edit(f, lambda made: made.update(files=[])), "expected 1 to 200 files"),
        (lambda f: edit(f, lambda made: made.update(title="a\nb")), "title or the text"),
        (
            lambda f: edit(f, lambda m: m["files"].append(m["files"][0])),
            "not a file that a retrain",
        ),
        (lambda f: (f / "proposal.json").write_text("{"), "is not a proposal"),
    ],
)
def test_a_proposal_that_sluice_has_not_written_is_refused(
    place: Place, folder: Path, change: Callable[[Path], None], why: str
) -> None:
    change(folder)
    ran = place.run("propose", str(folder))
    assert ran.status == 2, ran.said
    assert why in ran.line
    assert place.github.writes == []
