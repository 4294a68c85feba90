"""The artifact of a run can have any content: what is not a report is refused."""

from __future__ import annotations

import io
import zipfile

import pytest

from support.github.comments import GOOD, artifact, body, comment, packed
from support.github.fake_pulls import BOT, RUN
from support.github.place import Place
from support.github.storage import Storage


def _entry(name: str, **attributes: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(entry, key, value)
    return entry


def _declared_small() -> bytes:
    """Nine million bytes, although the archive states a hundred."""
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
        (
            packed((_entry("report.json", external_attr=0o120777 << 16), b"/etc/passwd")),
            "is not a regular file",
        ),
        (
            packed((_entry("report.json", external_attr=0o020666 << 16), b"")),
            "is not a regular file",
        ),
        (packed(("report.json", GOOD), ("../params.yaml", b"")), "which is not part of a report"),
        (packed(("report.json", GOOD), ("/etc/passwd", b"")), "which is not part of a report"),
        (packed(("report.json", GOOD), ("..\\params.yaml", b"")), "which is not part of a report"),
        (packed(("report.json", GOOD), ("C:report.json", b"")), "which is not part of a report"),
        (packed(("report.json", GOOD), ("report/", b"")), "which is not part of a report"),
        (packed(("report.json", GOOD), ("report.json", GOOD)), "has report.json twice"),
        (packed(*[(f"{n}", b"") for n in range(50)]), "more files than a report"),
        (packed(("report.md", b"# fine")), "has no report.json"),
        (packed(("report.json", b" " * 9_000_000)), "is larger than 8,388,608 bytes"),
        (_declared_small(), "is not a valid zip archive"),
        (_encrypted(), "is encrypted"),
        (_unusual(), "compressed in an unusual way"),
        (artifact()[:-30], "is not a valid zip archive"),
        (b"<html>", "is not a valid zip archive"),
        (b"", "is not a valid zip archive"),
        (packed(("report.json", b"{")), "report.json is not a report"),
        (packed(("report.json", b"\xff\xfe")), "report.json is not a report"),
        (packed(("report.json", b"[" * 200_000)), "report.json is not a report"),
        (artifact(pull_request=99), "unknown field"),
        (artifact(releasable=False), "contradicts the verdicts in it"),
        (packed(("report.json", GOOD), ("champion.json", b"{}")), "which is not part of a report"),
    ],
)
def test_an_unexpected_artifact_is_refused_and_replaces_the_older_comment(
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


def test_an_artifact_that_is_too_large_is_not_downloaded(place: Place, storage: Storage) -> None:
    place.github.artifacts[0]["size_in_bytes"] = 500_000_000
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: the artifact is larger than 20,971,520 bytes")
    assert not storage.seen
    assert not any(path.endswith("/zip") for _, path, _ in place.github.requests)


def test_an_endless_download_is_stopped(place: Place, storage: Storage) -> None:
    storage.endless = True
    ran = comment(place)
    assert (ran.status, ran.line) == (1, "no report: the download is larger than 20,971,520 bytes")
    # The data in the buffers between them is added.
    assert storage.sent < 60_000_000
    assert "No report: the download is larger than" in body(place)


@pytest.mark.parametrize("status", [302, 403, 500])
def test_only_one_redirect_is_followed(place: Place, storage: Storage, status: int) -> None:
    storage.status = status
    ran = comment(place)
    assert ran.status == 1
    assert f"localhost answered the download with {status}" in ran.line
    assert len(storage.seen) == 1


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://localhost/x", "//[", "/blob.zip"])
def test_only_https_addresses_are_downloaded(place: Place, where: str) -> None:
    place.github.storage = where
    ran = comment(place)
    assert (ran.status, "does not begin with https" in ran.line) == (1, True)
    assert where not in body(place)


def test_a_storage_server_that_does_not_answer_is_an_error_without_its_address(
    place: Place,
) -> None:
    place.github.storage = "http://127.0.0.1:1/blob.zip?sig=s3cret"
    ran = comment(place)
    assert (ran.status, "the download from 127.0.0.1 failed" in ran.line) == (1, True)
    assert "s3cret" not in body(place)


def test_two_artifacts_of_the_same_name_or_an_expired_one_are_refused(place: Place) -> None:
    place.github.artifacts *= 2
    assert "2 artifacts named" in comment(place).line
    place.github.artifacts = [{**place.github.artifacts[0], "expired": True}]
    ran = comment(place)
    assert (ran.status, "has expired" in ran.line) == (1, True)
    assert "has expired" in body(place)


def test_a_file_name_from_the_archive_is_shown_as_text_only(place: Place, storage: Storage) -> None:
    storage.content = packed(("report.json", GOOD), ("@octocat\n##[error]<img>", b""))
    ran = comment(place)
    assert ran.status == 1
    assert "##[" not in ran.said
    assert "@\u200boctocat" in body(place)
    assert "<img" not in body(place)
