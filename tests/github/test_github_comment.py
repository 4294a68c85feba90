"""One comment on a pull request, from a run that may be of anyone's code."""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sluice.report import record
from sluice.report.record import Report
from sluice.verdict import Finding, Status, Verdict
from support.fixture_project import Ran, params
from support.github.fake_github import TOKEN, FakeGitHub
from support.github.fake_pulls import BASE, BOT, HEAD, RUN, pull, repository
from support.github.place import Place
from support.github.storage import Storage

MARKER = f"<!-- sluice: report run={RUN} attempt=1 -->\n"
BOMB = b"a: &a [1, 1]\n" + b"".join(
    b"%c: &%c [%b]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 109)
)
MERGES = b"a: &a {k: 1, l: 2}\n" + b"".join(
    b"%c: &%c {<<: [%b]}\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 109)
)


def report(*, passes: bool = True, name: str = "toy", why: str = "as expected") -> Report:
    status = Status.PASS if passes else Status.FAIL
    gate = Verdict.of("performance", [Finding("performance/recall", status, why)])
    return Report(name, passes, "All 1 gates let it through." if passes else why, (gate,))


def packed(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name given twice is what is tested
        for name, content in files:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def artifact(said: Report | None = None) -> bytes:
    return packed(
        ("report.json", record.encode(said or report())),
        ("report.md", b"# I am to be merged\n"),
        ("report.html", b"<script>"),
    )


GOOD = record.encode(report())
RAW = json.loads(GOOD)


@pytest.fixture
def storage() -> Iterator[Storage]:
    made = Storage()
    made.content = artifact()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def place(before: Callable[[FakeGitHub], Place], storage: Storage) -> Place:
    github = FakeGitHub()
    settings = json.dumps(params("binary")).encode()
    github.contents = {
        ("octo/shop", "params.yaml", BASE): settings,
        ("octo/shop", "params.yaml", HEAD): settings,
    }
    github.storage = storage.url
    return before(github)


def comment(place: Place, **environment: str) -> Ran:
    ran = place.run("comment", "--run", str(RUN), **environment)
    assert not place.github.undocumented
    assert "s3cret" not in ran.said
    return ran


def body(place: Place) -> str:
    (only,) = place.github.comments
    text: str = only["body"]
    assert len(text) <= 65_536
    return text


def from_a_fork(place: Place) -> None:
    """The same, but from a fork of it."""
    github = place.github
    github.pulls = [pull(whose="mona/shop", branch="main")]
    github.run |= {"head_branch": "main", "head_repository": repository("mona/shop")}
    own = github.contents.pop(("octo/shop", "params.yaml", HEAD))
    github.contents["mona/shop", "params.yaml", HEAD] = own


def settings_of_head(place: Place, content: bytes) -> None:
    place.github.contents["octo/shop", "params.yaml", HEAD] = content


def test_the_report_becomes_a_comment(place: Place, storage: Storage) -> None:
    ran = comment(place).went_well()
    assert ran.out == "pull request 12: commented\n"
    text = body(place)
    assert text.startswith(f"{MARKER}## ✅ toy passes every gate\n")
    assert "I am to be merged" not in text
    assert "WARNING" not in text
    assert "CI did not succeed" not in text
    link = f"https://github.com/octo/shop/actions/runs/{RUN}"
    assert f"For commit {HEAD[:7]}, from [this run of CI]({link})." in text
    assert [(verb, path) for verb, path, _ in place.github.writes] == [
        ("POST", "/repos/octo/shop/issues/12/comments")
    ]
    (headers,) = storage.seen
    assert TOKEN not in str(headers)
    assert "authorization" not in {name.lower() for name in headers}


def test_the_same_comment_is_kept_up_to_date(place: Place, storage: Storage) -> None:
    comment(place).went_well()
    place.github.requests.clear()
    assert "is up to date" in comment(place).went_well().out
    assert not place.github.writes
    storage.content = artifact(report(passes=False, why="0.5 is too low"))
    place.github.run["run_attempt"] = 2
    place.github.artifacts.append({**place.github.artifacts[0], "id": 91})
    place.github.run["conclusion"] = "failure"
    assert "brought up to date" in comment(place).went_well().out
    assert "## ❌ toy does not pass" in body(place)
    assert "CI did not succeed" not in body(place)
    assert f"run={RUN} attempt=2" in body(place)
    assert any(path.endswith("/artifacts/91/zip") for _, path, _ in place.github.requests)
    assert [verb for verb, _, _ in place.github.writes] == ["PATCH"]


def test_the_comment_is_found_among_many(place: Place) -> None:
    comment(place).went_well()
    others = [{"id": n, "user": {"login": "mona", "type": "User"}, "body": "hm"} for n in range(7)]
    place.github.comments[:0] = others
    place.github.page = 3
    place.github.requests.clear()
    comment(place).went_well()
    assert not place.github.writes


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"login": "mallory", "id": 1, "type": "User"}, MARKER + "all is fine"),
        ({"login": "github-actions[bot]", "id": 1, "type": "User"}, MARKER + "all is fine"),
        (BOT, "> " + MARKER + "a quotation"),
        (BOT, "<!-- sluice: report run=x attempt=1 -->\n"),
        (None, MARKER),
    ],
)
def test_a_comment_that_is_not_ours_is_left_alone(place: Place, user: Any, text: str) -> None:
    theirs = {"id": 3, "user": user, "body": text}
    place.github.comments = [dict(theirs)]
    assert "commented" in comment(place).went_well().out
    assert place.github.comments[0] == theirs
    assert len(place.github.comments) == 2


@pytest.mark.parametrize("stamp", [f"run={RUN + 1} attempt=1", f"run={RUN} attempt=2"])
def test_an_older_run_leaves_a_newer_comment(place: Place, stamp: str) -> None:
    newer = {"id": 3, "user": BOT, "body": f"<!-- sluice: report {stamp} -->\nnewer"}
    place.github.comments = [dict(newer)]
    assert "a newer run has commented already" in comment(place).went_well().out
    assert place.github.comments == [newer]
    assert not place.github.writes


def _elsewhere(github: FakeGitHub, side: str, name: str) -> None:
    github.pulls[0][side]["repo"] = repository(name)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda github: github.pulls[0].update(state="closed"),
        lambda github: github.pulls[0]["head"].update(sha="d" * 40),
        lambda github: github.pulls[0]["head"].update(ref="another"),
        lambda github: _elsewhere(github, "base", "mona/shop"),
        lambda github: _elsewhere(github, "head", "mallory/shop"),
        lambda github: github.pulls.clear(),
    ],
)
def test_a_pull_request_that_moved_on_gets_no_comment(
    place: Place, storage: Storage, spoil: Callable[[FakeGitHub], None]
) -> None:
    spoil(place.github)
    assert "no open pull request's head any more" in comment(place).went_well().out
    assert not place.github.writes
    assert not storage.seen


def test_a_run_of_something_else_is_not_commented(place: Place) -> None:
    place.github.run["event"] = "push"
    assert "was not of a pull request: nothing to comment" in comment(place).went_well().out
    place.github.run |= {"event": "pull_request", "path": ".github/workflows/my-ci.yml"}
    assert "is not of .github/workflows/ci.yml" in comment(place).line
    place.github.run |= {"path": ".github/workflows/ci.yml@main", "status": "in_progress"}
    ran = comment(place)
    assert (ran.status, ran.line) == (2, f"run {RUN} is not completed")
    assert place.run("comment", "--run", "9").status == 2
    assert not place.github.writes


def test_a_pull_request_from_a_fork_is_found(place: Place) -> None:
    from_a_fork(place)
    comment(place).went_well()
    assert "## ✅ toy passes every gate" in body(place)
    assert "WARNING" not in body(place)


def test_two_pull_requests_of_one_head_are_not_confused(place: Place) -> None:
    place.github.pulls.append(pull(13))
    ran = comment(place)
    assert ran.status == 1
    assert [path for _, path, _ in place.github.writes] == [
        "/repos/octo/shop/issues/12/comments",
        "/repos/octo/shop/issues/13/comments",
    ]
    assert all("which one is not known" in one["body"] for one in place.github.comments)


def _entry(name: str, **attributes: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(entry, key, value)
    return entry


def _json(**more: Any) -> bytes:
    return packed(("report.json", json.dumps({**RAW, **more}).encode()))


def _declared_small() -> bytes:
    """Nine million bytes that the archive calls a hundred."""
    content = bytearray(packed(("report.json", b" " * 9_000_000)))
    real, small = (9_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    return bytes(content.replace(real, small))


def _encrypted() -> bytes:
    content = bytearray(packed(("report.json", GOOD)))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def _unusual() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("report.json", GOOD)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (packed((_entry("report.json", external_attr=0o120777 << 16), b"/etc/passwd")), "no plain"),
        (packed((_entry("report.json", external_attr=0o020666 << 16), b"")), "no plain file"),
        (packed(("report.json", GOOD), ("../params.yaml", b"")), "which no report has"),
        (packed(("report.json", GOOD), ("/etc/passwd", b"")), "which no report has"),
        (packed(("report.json", GOOD), ("..\\params.yaml", b"")), "which no report has"),
        (packed(("report.json", GOOD), ("C:report.json", b"")), "which no report has"),
        (packed(("report.json", GOOD), ("report/", b"")), "which no report has"),
        (packed(("report.json", GOOD), ("report.json", GOOD)), "holds report.json twice"),
        (packed(*[(f"{n}", b"") for n in range(50)]), "more files than a report has"),
        (packed(("report.md", b"# fine")), "has no report.json"),
        (packed(("report.json", b" " * 9_000_000)), "is larger than 8,388,608 bytes"),
        (_declared_small(), "no sound zip archive"),
        (_encrypted(), "is encrypted"),
        (_unusual(), "packed in an unusual way"),
        (artifact()[:-30], "no sound zip archive"),
        (b"<html>", "no sound zip archive"),
        (b"", "no sound zip archive"),
        (packed(("report.json", b"{")), "report.json is not a report"),
        (packed(("report.json", b"\xff\xfe")), "report.json is not a report"),
        (packed(("report.json", b"[" * 200_000)), "report.json is not a report"),
        (_json(pull_request=99), "unknown field"),
        (_json(releasable=False), "headline is not what its gates say"),
        (packed(("report.json", GOOD), ("champion.json", b"{}")), "which no report has"),
    ],
)
def test_an_artifact_that_is_not_as_expected_is_refused(
    place: Place, storage: Storage, content: bytes, words: str
) -> None:
    older = f"<!-- sluice: report run={RUN - 1} attempt=3 -->\n## ✅ toy passes every gate"
    place.github.comments = [{"id": 500, "user": BOT, "body": older}]
    storage.content = content
    ran = comment(place)
    assert ran.status == 1
    assert ran.line.startswith("no report: ")
    assert words in ran.line
    text = body(place)
    assert "\n## ❌ No report: " in text
    assert "passes every gate" not in text
    assert [path for _, path, _ in place.github.writes] == ["/repos/octo/shop/issues/comments/500"]


def test_an_artifact_that_is_too_large_is_not_asked_for(place: Place, storage: Storage) -> None:
    place.github.artifacts[0]["size_in_bytes"] = 500_000_000
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: the artifact is larger than 20,971,520 bytes")
    assert not storage.seen
    assert not any(path.endswith("/zip") for _, path, _ in place.github.requests)


def test_a_download_without_an_end_is_cut_off(place: Place, storage: Storage) -> None:
    storage.endless = True
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: the download is larger than 20,971,520 bytes")
    # What lies in the buffers between them comes on top.
    assert storage.sent < 60_000_000
    assert "No report: the download is larger than" in body(place)


@pytest.mark.parametrize("status", [302, 403, 500])
def test_one_redirect_is_followed_and_no_more(place: Place, storage: Storage, status: int) -> None:
    storage.status = status
    ran = comment(place)
    assert ran.status == 1
    assert f"the download from localhost answers {status}" in ran.line
    assert len(storage.seen) == 1


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://localhost/x", "//[", "/blob.zip"])
def test_only_web_addresses_are_downloaded(place: Place, where: str) -> None:
    place.github.storage = where
    ran = comment(place)
    assert (ran.status, "points to no https address" in ran.line) == (1, True)
    assert where not in body(place)


def test_a_storage_that_does_not_answer_is_said(place: Place) -> None:
    place.github.storage = "http://127.0.0.1:1/blob.zip?sig=s3cret"
    ran = comment(place)
    assert (ran.status, "the download from 127.0.0.1 failed" in ran.line) == (1, True)
    assert "s3cret" not in body(place)


def test_artifacts_of_one_name_or_expired_ones_are_refused(place: Place) -> None:
    place.github.artifacts *= 2
    assert "2 artifacts named" in comment(place).line
    place.github.artifacts = [{**place.github.artifacts[0], "expired": True}]
    ran = comment(place)
    assert (ran.status, "has expired" in ran.line) == (1, True)
    assert "has expired" in body(place)


def test_ci_that_died_before_its_report_is_said(place: Place) -> None:
    comment(place).went_well()
    place.github.artifacts = []
    place.github.run |= {"conclusion": "failure", "id": RUN + 1}
    place.github.jobs.append({"id": 2, "name": "check @octocat <b>", "conclusion": "timed_out"})
    place.run("comment", "--run", str(RUN + 1)).went_well()
    text = body(place)
    assert "## ❌ No report: CI did not succeed and left none\n" in text
    assert "## ❌ CI did not succeed: failure\n" in text
    assert "- check @\u200boctocat &#60;b&#62;: timed_out\n" in text
    assert "passes every gate" not in text
    assert "- test" not in text


def test_ci_that_succeeded_without_a_report_is_refused(place: Place) -> None:
    place.github.artifacts[0]["name"] = "report2"
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: CI succeeded, but left none")
    assert "No report: CI succeeded, but left none" in body(place)


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", "action_required"])
def test_a_green_report_of_a_failed_run_says_so_first(place: Place, conclusion: str) -> None:
    place.github.run["conclusion"] = conclusion
    place.github.jobs.append({"id": 2, "name": "all-green", "conclusion": "failure"})
    comment(place).went_well()
    first = f"{MARKER}## ❌ CI did not succeed: {conclusion}\n\n- all-green: failure\n\n"
    assert body(place).startswith(first)


HOSTILE = (
    "@octocat #1 GH-1 octo/shop#1 <img src=x onerror=alert(1)> </details> [x](javascript:alert(1))"
    " ![x](https://evil.example.org/p.png) `code` <!-- sluice: report run=9 attempt=9 --> | a | b |"
    " ~~~ https://evil.example.org www.evil.example.org"
)


def test_what_people_wrote_is_shown_and_does_nothing(place: Place, storage: Storage) -> None:
    said = report(passes=False, name=HOSTILE, why=f"{HOSTILE}\n```\n# done\n\u202eoof")
    claim = {"against": HOSTILE, "files": [HOSTILE]}
    missing = {"missing": [HOSTILE], "reason": HOSTILE, "trouble": HOSTILE, "contribution": claim}
    raw = {**json.loads(record.encode(said)), **missing}
    storage.content = packed(("report.json", json.dumps(raw).encode()))
    place.github.files = [{"filename": f"src/sluice/{HOSTILE}"}]
    comment(place).went_well()
    text = body(place)
    visible = text.removeprefix(MARKER)
    assert not re.search(
        r"@(?!\u200b)|<img|<!--|\]\(java|!\[|(?<!&)#\d|GH-1|\bwww\.|\u202e", visible
    )
    assert visible.count("</details>") == visible.count("<details")
    assert "```" not in visible
    assert visible.count("://") == 1  # the run's own link


def test_a_name_in_the_archive_is_shown_and_does_nothing(place: Place, storage: Storage) -> None:
    storage.content = packed(("report.json", GOOD), ("@octocat\n##[error]<img>", b""))
    ran = comment(place)
    assert ran.status == 1
    assert "##[" not in ran.said
    assert "@\u200boctocat" in body(place)
    assert "<img" not in body(place)


def test_a_loosened_bound_is_shown_though_the_report_has_none(place: Place) -> None:
    settings = params("binary")
    settings["performance"]["bounds"]["recall"]["low"] = 0.1
    settings_of_head(place, json.dumps(settings).encode())
    place.github.files = [
        {"filename": "params.yaml"},
        {"filename": "docs/ci.yml", "previous_filename": ".github/workflows/ci.yml"},
    ]
    comment(place).went_well()
    text = body(place)
    assert "This contribution loosens a setting that judges it." in text
    assert re.search(r"looser\*\* \| performance\.bounds\.recall\.low \| 0\.6 \| 0\.1 \|", text)
    assert "- .github/workflows/ci.yml" in text


def test_what_the_report_says_of_itself_is_not_believed(place: Place, storage: Storage) -> None:
    claim = {"against": "nothing", "settings": [], "files": ["src/sluice/a-claim"]}
    storage.content = _json(contribution=claim)
    comment(place).went_well()
    assert "a-claim" not in body(place)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "it is not there, or its repository is gone"),
        (BOMB, "it says more than"),
        (MERGES, "it says more than"),
        (b"a: &a [*a]\n", "it says more than"),
        (b"[" * 50_000, "cannot be read"),
        (b"{", "is not YAML"),
        (b"a: !!bool x", "is not YAML"),
        (b"a: !!python/object:os.system x", "is not YAML"),
        (b"performance: 0x" + b"f" * 9_000, "it holds something odd (ValueError)"),
        (b"? 0x" + b"f" * 9_000 + b"\n: 1", "a key that is far too long"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b"x" * 300 + b": 1", "a key that is far too long"),
        (b"#" * 200_000, "it is larger than 131,072 bytes"),
    ],
    ids=[
        "gone",
        "bomb",
        "merges",
        "itself",
        "deep",
        "torn",
        "tag",
        "object",
        "number",
        "key",
        "bytes",
        "long",
        "large",
    ],
)
def test_settings_that_cannot_be_read_are_said(
    place: Place, content: bytes | None, words: str
) -> None:
    del place.github.contents["octo/shop", "params.yaml", HEAD]
    if content is not None:
        settings_of_head(place, content)
    place.github.files = [{"filename": "params.yaml"}]
    comment(place).went_well()
    text = body(place)
    assert words in text
    assert "> [!WARNING]\n> What this changes in params.yaml could not be compared" in text
    assert "- params.yaml" in text


def test_a_fork_that_is_gone_is_said(place: Place) -> None:
    from_a_fork(place)
    place.github.contents.pop(("mona/shop", "params.yaml", HEAD))
    comment(place).went_well()
    assert "params.yaml of this pull request cannot be read: it is not there" in body(place)


def test_a_repository_that_is_gone_is_said(place: Place) -> None:
    place.github.pulls[0]["head"]["repo"] = place.github.run["head_repository"] = None
    comment(place).went_well()
    assert "params.yaml of this pull request cannot be read: its repository is" in body(place)


def test_more_files_than_github_names_are_said(place: Place) -> None:
    place.github.pulls[0]["changed_files"] = 4_000
    comment(place).went_well()
    assert "GitHub names only 1 of the 4,000 changed files" in body(place)


def test_the_token_must_be_allowed_to_write(place: Place) -> None:
    place.github.interfere = lambda verb, path, number: (
        (403, {"message": "Resource not accessible by integration"}) if verb == "POST" else None
    )
    ran = comment(place)
    assert (ran.status, "Resource not accessible" in ran.line) == (2, True)
