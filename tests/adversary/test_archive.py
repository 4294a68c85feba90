"""A package defines every byte of its archive, not only those of its files."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.package import verify
from sluice.package.archive import archive, version
from sluice.package.manifest import MANIFEST, Manifest, decode, describe, digest
from support.fixture_project import Toy

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def sealed(built: Callable[[str], Toy]) -> bytes:
    return built("binary").package.read_bytes()


def _contents(sealed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(sealed)) as tar:
        return {m.name: (tar.extractfile(m) or io.BytesIO()).read() for m in tar}


def _again(sealed: bytes, **other: Any) -> bytes:
    """The package's files in the same order, in a tar file from another program."""
    out = io.BytesIO()
    settings = {"format": tarfile.PAX_FORMAT, **other}
    member = settings.pop("member", {})
    with tarfile.open(fileobj=out, mode="w", **settings) as tar:
        for name, content in _contents(sealed).items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in member.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _with_manifest(sealed: bytes, change: Change) -> bytes:
    """The archive with a manifest that was written by hand."""
    contents = _contents(sealed)
    raw = json.loads(contents[MANIFEST])
    change(raw)
    contents[MANIFEST] = json.dumps(raw).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _resealed(sealed: bytes, changed: dict[str, bytes]) -> bytes:
    """A complete package with other files, as somebody without the project could make it."""
    contents = {**_contents(sealed), **changed}
    old = decode(contents.pop(MANIFEST), "old")
    parts = describe(contents)
    whole = digest(parts)
    made = Manifest(old.format, old.name, version(old.source, whole), whole, old.source, parts)
    return archive(contents, made)


def _refused(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "package.tar"
    file.write_bytes(content)
    with pytest.raises(SluiceError) as refusal:
        verify.run(file)
    said = str(refusal.value)
    assert "\n" not in said
    return said


def test_bytes_besides_the_files(sealed: bytes, tmp_path: Path) -> None:
    for odd in (
        sealed + b"A" * 512,
        sealed + sealed,
        sealed[:-1] + b"X",
        _again(sealed),  # without the commit's time
        _again(sealed, format=tarfile.GNU_FORMAT),
        _again(sealed, pax_headers={"comment": "hello"}),
        _again(sealed, member={"mode": 0o4777, "uname": "root"}),
        _again(sealed, member={"type": tarfile.CONTTYPE}),
        _with_manifest(sealed, lambda raw: None),
        _with_manifest(sealed, lambda raw: raw["parts"]["model"][0].update(size=1)),
    ):
        assert "differs from the archive that its files and manifest.json give" in _refused(
            tmp_path, odd
        )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: raw["source"].update(time=10**40), r"\$.source.time"),
        (lambda raw: raw["source"].update(time=-(10**17)), r"\$.source.time"),
        (lambda raw: raw.update(name="\x1b[31mred\nsluice: all is well"), r"\$.name"),
    ],
)
def test_a_manifest_that_no_build_writes(
    sealed: bytes, tmp_path: Path, change: Change, why: str
) -> None:
    said = _refused(tmp_path, _with_manifest(sealed, change))
    assert "is not a valid manifest" in said
    assert why.replace("\\", "") in said


@pytest.mark.parametrize("name", ["model/" + "a/" * 2000 + "x", "model/" + "a" * 300])
def test_a_path_too_long_for_a_disk(sealed: bytes, tmp_path: Path, name: str) -> None:
    assert " is longer than 250 bytes" in _refused(tmp_path, _resealed(sealed, {name: b""}))


@pytest.mark.parametrize(
    "name", ["reports/verdicts/fairness.json", "scenarios/scenarios.json", "model/signature.json"]
)
def test_text_that_is_not_utf8(sealed: bytes, tmp_path: Path, name: str) -> None:
    content = _contents(sealed)[name].replace(b'"name":', b'"na\xffme":')
    assert content != _contents(sealed)[name]
    assert "Traceback" not in _refused(tmp_path, _resealed(sealed, {name: content}))


def test_fewer_scenarios_than_the_verdict_names(sealed: bytes, tmp_path: Path) -> None:
    name = "scenarios/scenarios.json"
    book = json.loads(_contents(sealed)[name])
    del book["scenarios"][1:]
    said = _refused(tmp_path, _resealed(sealed, {name: json.dumps(book).encode()}))
    assert "are not the ones that its verdict lists" in said
