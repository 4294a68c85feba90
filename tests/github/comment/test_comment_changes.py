"""How a pull request changes the way it is judged is read from GitHub, not from its report."""

from __future__ import annotations

import json
import re

import pytest

from support.fixture_project import params
from support.github.comments import artifact, body, comment, from_a_fork
from support.github.fake_pulls import HEAD
from support.github.place import Place
from support.github.storage import Storage

# A few aliases to aliases, or merges of merges, that would not fit into memory.
MANY_ALIASES = b"a: &a [1, 1]\n" + b"".join(
    b"%c: &%c [%b]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 109)
)
MANY_MERGES = b"a: &a {k: 1, l: 2}\n" + b"".join(
    b"%c: &%c {<<: [%b]}\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 109)
)


def settings_of_head(place: Place, content: bytes) -> None:
    place.github.contents["octo/shop", "params.yaml", HEAD] = content


def test_a_looser_bound_is_shown_although_the_report_does_not_mention_it(place: Place) -> None:
    settings = params("binary")
    settings["performance"]["bounds"]["recall"]["low"] = 0.1
    settings_of_head(place, json.dumps(settings).encode())
    place.github.files = [
        {"filename": "params.yaml"},
        {"filename": "docs/ci.yml", "previous_filename": ".github/workflows/ci.yml"},
    ]
    comment(place).went_well()
    text = body(place)
    assert "This contribution loosens 1 setting of the gates." in text
    assert re.search(r"looser\*\* \| performance\.bounds\.recall\.low \| 0\.6 \| 0\.1 \|", text)
    assert "- .github/workflows/ci.yml" in text


def test_what_the_report_says_about_the_contribution_is_not_used(
    place: Place, storage: Storage
) -> None:
    claim = {"against": "nothing", "settings": [], "files": ["src/sluice/a-claim"]}
    storage.content = artifact(contribution=claim)
    comment(place).went_well()
    assert "a-claim" not in body(place)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "it is missing, or its repository was deleted"),
        (MANY_ALIASES, "once its aliases are resolved"),
        (MANY_MERGES, "once its aliases are resolved"),
        (b"a: &a [*a]\n", "once its aliases are resolved"),
        (b"[" * 50_000, "cannot be read"),
        (b"{", "is not valid YAML"),
        (b"a: !!bool x", "is not valid YAML"),
        (b"a: !!python/object:os.system x", "is not valid YAML"),
        (b"performance: 0x" + b"f" * 9_000, "it has an unusual value (ValueError)"),
        (b"? 0x" + b"f" * 9_000 + b"\n: 1", "a key of more than 200 characters"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b"x" * 300 + b": 1", "a key of more than 200 characters"),
        (b"#" * 200_000, "it is larger than 131,072 bytes"),
    ],
    ids=[
        "gone",
        "aliases",
        "merges",
        "itself",
        "deep",
        "incomplete",
        "tag",
        "object",
        "number",
        "key",
        "bytes",
        "long",
        "large",
    ],
)
def test_settings_that_cannot_be_read_are_a_warning(
    place: Place, content: bytes | None, words: str
) -> None:
    del place.github.contents["octo/shop", "params.yaml", HEAD]
    if content is not None:
        settings_of_head(place, content)
    place.github.files = [{"filename": "params.yaml"}]
    comment(place).went_well()
    text = body(place)
    assert words in text
    assert "> [!WARNING]\n> The changes in params.yaml could not be compared" in text
    assert "- params.yaml" in text


def test_a_missing_params_yaml_in_a_fork_is_a_warning(place: Place) -> None:
    from_a_fork(place)
    place.github.contents.pop(("mona/shop", "params.yaml", HEAD))
    comment(place).went_well()
    assert "params.yaml of this pull request cannot be read: it is missing" in body(place)


def test_a_deleted_repository_is_a_warning(place: Place) -> None:
    place.github.pulls[0]["head"]["repo"] = place.github.run["head_repository"] = None
    comment(place).went_well()
    assert "params.yaml of this pull request cannot be read: its repository was" in body(place)


def test_more_changed_files_than_github_lists_are_a_warning(place: Place) -> None:
    place.github.pulls[0]["changed_files"] = 4_000
    comment(place).went_well()
    assert "GitHub names only 1 of the 4,000 changed files" in body(place)
