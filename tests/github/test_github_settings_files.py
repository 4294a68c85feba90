"""An error in a settings file names the file and the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.github.settings import desired
from support.github.place import Place

FILES: list[tuple[str, Callable[[Any], object], str]] = [
    (
        "actions",
        lambda c: c["workflow"].pop("default_workflow_permissions"),
        "actions.json: workflow: ",
    ),
    ("actions", lambda c: c["permissions"].update(sha_pining=True), "actions.json: permissions: "),
    ("rulesets", lambda c: c[0]["rules"][0].update(type="pull"), "rulesets.json: [0].rules[0]"),
    ("rulesets", lambda c: c.append(c[0]), "rulesets.json: two entries are named 'main'"),
    (
        "rulesets",
        lambda c: c[0]["rules"][1]["parameters"].update(x=1),
        "rulesets.json: [0].rules[1]",
    ),
    ("labels", lambda c: c[0].update(color="#ffffff"), "labels.json: [0].color: "),
    ("environments", lambda c: c.pop(1), "'production' is missing"),
    ("environments", lambda c: c[1].update(prevent_self_review=False), "must be true"),
    ("environments", lambda c: c[1].update(can_admins_bypass=True), "must be false"),
    ("environments", lambda c: c[1].pop("can_admins_bypass"), "must be false"),
    (
        "environments",
        lambda c: c[1]["branch_policies"].append({"name": "*", "type": "branch"}),
        "'*' allows every branch to deploy",
    ),
    (
        "environments",
        lambda c: c[1]["branch_policies"].append({"name": "**/*", "type": "tag"}),
        "allows every tag to deploy",
    ),
    (
        "environments",
        lambda c: c[1]["branch_policies"].clear(),
        "environments.json: [1].branch_policies",
    ),
    (
        "environments",
        lambda c: c[1]["reviewers"].append({"user": "a", "team": "b"}),
        "environments.json: [1].reviewers[1]: expected",
    ),
    (
        "environments",
        lambda c: c[1].update(reviewers=[{"user": f"u{n}"} for n in range(7)]),
        "environments.json: [1].reviewers",
    ),
]


@pytest.mark.parametrize(("name", "spoil", "words"), FILES)
def test_an_error_in_a_file_names_the_file_and_the_key(
    whole: Place, name: str, spoil: Callable[[Any], object], words: str
) -> None:
    content = whole.settings(name)
    spoil(content)
    whole.write(name, content)
    with pytest.raises(SluiceError) as caught:
        desired.load(whole.toy.root / ".github/settings")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_or_no_json(whole: Place) -> None:
    path = whole.toy.root / ".github/settings/labels.json"
    path.write_text("[", "utf-8")
    assert "labels.json is not JSON" in whole.doctor().line
    path.unlink()
    for command in ("doctor", "setup"):
        ran = whole.run(command)
        assert (ran.status, "labels.json is missing" in ran.line) == (2, True)
    assert not whole.github.requests


def test_the_file_that_setup_writes_differs_in_the_reviewers_only(whole: Place) -> None:
    text = whole.toy.text(".github/settings/environments.json")
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
