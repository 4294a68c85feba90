"""A rule that requires a code owner has an effect only if there is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sluice.contribution.deciding_files import UNOWNED
from sluice.github.settings import owners
from support.github.place import Place

FILE = ".github/CODEOWNERS"
OURS = (Path(__file__).parents[2] / FILE).read_text("utf-8")
# As the template has it, also where these tests run in a copy that has named its owners.
TEMPLATE = re.sub(r"(?m)^([^#\s]\S*) +@.*$", rf"\1  {owners.PLACEHOLDER}", OURS)
OWNED = TEMPLATE.replace(owners.PLACEHOLDER, "@octocat")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / ".github").mkdir()
    return tmp_path / ".github/settings"


def _faults(settings: Path, text: str) -> str:
    owners.path(settings).write_text(text, "utf-8")
    return "\n".join(owners.faults(settings))


def test_only_the_templates_unowned_paths_have_no_owner(settings: Path) -> None:
    lines = [line.split() for line in TEMPLATE.splitlines() if line and not line.startswith("#")]
    assert lines[0] == ["*", owners.PLACEHOLDER]
    assert [line[0] for line in lines[1:]] == list(UNOWNED)
    assert _faults(settings, OWNED) == ""


@pytest.mark.parametrize("line", ["", "* # @octocat", "# * @octocat", "/src/ @octocat", "*"])
def test_unexpected_files_also_need_an_owner(settings: Path, line: str) -> None:
    assert "the first rule must be '*'" in _faults(settings, OWNED.replace("*  @octocat", line))


@pytest.mark.parametrize(
    "line", ["/src/sluice/check/", "/src/", "*.yaml", "*", "GNUmakefile", "/tests/*/", "/docs"]
)
def test_a_later_codeowners_line_without_an_owner_is_found(settings: Path, line: str) -> None:
    assert f"{line} has no owner" in _faults(settings, f"{OWNED}{line}\n")
    assert f"{line} has no owner" in _faults(settings, f"{OWNED}{line}  # @octocat\n")


@pytest.mark.parametrize(
    "text",
    [
        "* @octocat\n",
        "* a.person@example.org\n",
        "* @octo/releasers @octocat\n/src/usecase/\n",
        f"{OWNED}*.py @hubot\n/src/ @hubot\n",
    ],
)
def test_other_forms_of_a_rule_for_all_files(settings: Path, text: str) -> None:
    assert _faults(settings, text) == ""


@pytest.mark.parametrize("owner", ["octocat", "@", "@-x", "@octo/", "@a/b/c", "a@b", "@octocat,"])
def test_a_name_that_is_not_an_owner_is_reported(settings: Path, owner: str) -> None:
    assert f"{owner!r} is not an owner" in _faults(settings, f"{OWNED}/docs/ {owner}\n")


def test_nobody_can_register_the_placeholder() -> None:
    login = r"[a-z0-9]+(-[a-z0-9]+)*"
    assert not re.fullmatch(login, owners.PLACEHOLDER.removeprefix("@"))


def test_the_placeholder_is_drift_until_setup_names_the_reviewers(whole: Place) -> None:
    whole.toy.write(FILE, TEMPLATE)
    ran = whole.doctor()
    assert ran.status == 1
    assert f"drift: {FILE}: {owners.PLACEHOLDER} is a placeholder" in ran.out
    whole.doctor("--only", "environments").went_well()
    said = whole.setup().went_well().out
    assert f"{FILE} now names the reviewers: commit it" in said
    assert whole.toy.text(FILE) == OWNED
    whole.doctor().went_well()
    assert FILE not in whole.setup().went_well().out


def test_setup_names_each_reviewer_in_both_files(empty: Place) -> None:
    empty.toy.write(FILE, TEMPLATE)
    named = ("--reviewer", "octocat", "--reviewer", "hubot")
    assert (
        f"{FILE}: the reviewers would be written into it"
        in empty.setup("--dry-run", *named).went_well().out
    )
    assert empty.toy.text(FILE) == TEMPLATE
    said = empty.setup(*named).went_well().out
    assert said.count("now names the reviewers: commit it") == 2
    assert empty.toy.text(FILE) == TEMPLATE.replace(owners.PLACEHOLDER, "@octocat @hubot")
    assert not list(empty.toy.root.rglob("*.unfinished"))
    empty.doctor().went_well()
    assert not empty.github.undocumented


def test_a_team_is_named_with_its_organisation(whole: Place) -> None:
    whole.name_reviewers({"user": "octocat"}, {"team": "releasers"})
    whole.toy.write(FILE, f"# Not {owners.PLACEHOLDER}.\n* {owners.PLACEHOLDER}\n")
    whole.setup().went_well()
    expected = f"# Not {owners.PLACEHOLDER}.\n* @octocat @octo/releasers\n"
    assert whole.toy.text(FILE) == expected
    whole.doctor().went_well()


def test_an_unknown_reviewer_becomes_no_owner(empty: Place) -> None:
    empty.toy.write(FILE, TEMPLATE)
    assert empty.setup("--reviewer", "nobody-here").status == 2
    assert empty.toy.text(FILE) == TEMPLATE


def test_a_missing_file_is_drift(whole: Place) -> None:
    (whole.toy.root / FILE).unlink()
    ran = whole.doctor()
    assert (ran.status, f"drift: {FILE} is missing" in ran.out) == (1, True)
    assert f"by hand: {FILE} is missing" in whole.setup().went_well().out


def test_owners_that_github_does_not_know_are_drift(whole: Place) -> None:
    whole.github.codeowners = [
        {
            "line": 5,
            "column": 19,
            "kind": "Unknown owner",
            "source": "/.ci/ @octocat\n",
            "suggestion": "make sure @octocat exists and has write access to the repository",
            "message": "Unknown owner on line 5:\n\n  /.ci/ @octocat\n        ^",
            "path": FILE,
        },
        {"line": 6, "column": 1, "kind": "Invalid pattern", "message": "…", "path": FILE},
    ]
    ran = whole.doctor()
    assert ran.status == 1
    assert ran.out.splitlines() == [
        "drift: CODEOWNERS on octo/shop: line 5: Unknown owner in '/.ci/ @octocat': make sure "
        "@octocat exists and has write access to the repository",
        "drift: CODEOWNERS on octo/shop: line 6: Invalid pattern",
    ]
    whole.doctor("--only", "environments").went_well()
    whole.doctor("--only", "rulesets").went_well()
    assert whole.doctor("--only", "owners").status == 1
    assert not whole.github.undocumented


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (404, {"message": "Not Found"}),
            "drift: CODEOWNERS on octo/shop: missing: commit and push it",
        ),
        ((403, {"message": "no"}), "could not be checked: CODEOWNERS: GitHub answered 403: no"),
        ((500, {"message": "oops"}), "could not be checked: CODEOWNERS: GitHub answered 500: oops"),
        ((200, b"{}"), "could not be checked: CODEOWNERS: GitHub's answer to"),
    ],
)
def test_a_missing_answer_of_github_is_not_a_match(
    whole: Place, answer: tuple[int, Any], words: str
) -> None:
    whole.github.interfere = lambda verb, path, number: (
        answer if path.endswith("/codeowners/errors") else None
    )
    ran = whole.doctor()
    assert ran.status == 1
    assert words in ran.out
    whole.doctor("--only", "environments").went_well()
