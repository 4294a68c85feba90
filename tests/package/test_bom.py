"""The bill of materials lists everything in a package, as valid CycloneDX."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.package.lock import Pin, pins
from support.bom_schema import faults
from support.fixture_project import Ran, Toy
from support.package_parts import Package

Write = Callable[..., Ran]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Run `sluice package bom` on the bytes of a package; it should write bom.json."""

    def run(content: bytes, **environment: str) -> Ran:
        (tmp_path / "package.tar").write_bytes(content)
        order = ("package", "bom", "package.tar", "--out", "bom.json")
        return Toy(tmp_path).sluice(*order, **environment)

    return run


@pytest.fixture
def bom(write: Write, sealed: Path, tmp_path: Path) -> Any:
    write(sealed.read_bytes()).went_well()
    return json.loads((tmp_path / "bom.json").read_bytes())


def properties(component: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["name"], each["value"]) for each in component["properties"]}


def digests(component: dict[str, Any]) -> set[str]:
    return {each["content"] for each in component["hashes"] if each["alg"] == "SHA-256"}


def test_matches_the_schema(bom: Any, tmp_path: Path) -> None:
    text = (tmp_path / "bom.json").read_text("utf-8")
    assert faults(text) == []
    for field, value, fault in (
        ("bomFormat", "SPDX", "CycloneDX"),
        ("surplus", 1, "'surplus' was unexpected"),
        ("metadata", {"timestamp": "yesterday"}, "date-time"),
        ("externalReferences", [{"type": "vcs", "url": "http://a b<"}], "http://a b<"),
    ):
        assert fault in " ".join(faults(json.dumps({**bom, field: value})))


def test_lists_the_package_and_each_of_its_files(
    bom: Any, package: Package, verify: Callable[[bytes], Ran]
) -> None:
    subject, manifest = bom["metadata"]["component"], package.manifest
    assert (subject["type"], subject["name"]) == ("application", manifest.name)
    assert subject["purl"] == f"pkg:generic/{manifest.name}@{manifest.version}"
    assert ("sluice:package:digest", f"sha256:{manifest.digest}") in properties(subject)
    assert bom["metadata"]["timestamp"] == "2026-01-02T03:04:05+00:00"
    files = {each["name"]: digests(each) for each in subject["components"]}
    assert files == {file.path: {file.sha256} for file in manifest.files.values()}


def test_lists_every_locked_requirement(bom: Any, package: Package) -> None:
    listed = {each["purl"]: each for each in bom["components"] if each["type"] == "library"}
    locked: set[str] = set()
    for lock in ("environment/serve.txt", "environment/batch.txt"):
        for pin in pins(package.contents[lock].decode(), lock):
            component = listed[f"pkg:pypi/{pin.name}@{pin.version}"]
            assert digests(component) >= set(pin.sha256) != set()
            assert ("sluice:lock", lock) in properties(component)
            assert not pin.marker or ("sluice:lock:marker", pin.marker) in properties(component)
            locked.add(component["purl"])
    assert locked == set(listed)
    (needs,) = (each for each in bom["dependencies"] if each["ref"] == "package")
    assert set(needs["dependsOn"]) == locked | {"model"}


def test_names_the_training_data(bom: Any, package: Package) -> None:
    (model,) = (each for each in bom["components"] if each["type"] == "machine-learning-model")
    data = json.loads(package.contents["data/data.json"])
    assert digests(model) == {package.manifest.files["model/model.onnx"].sha256}
    assert ("sluice:data:md5", data["file"]["md5"]) in properties(model)
    assert ("sluice:data:train:md5", data["splits"]["train"]["md5"]) in properties(model)


def test_gives_the_same_bytes_again(write: Write, sealed: Path, tmp_path: Path) -> None:
    written = []
    for seed in ("1", "77"):
        write(sealed.read_bytes(), PYTHONHASHSEED=seed, TZ="Asia/Tokyo").went_well()
        written.append((tmp_path / "bom.json").read_bytes())
    assert written[0] == written[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bom.json", "package.tar"]


def test_an_altered_package_is_refused(write: Write, sealed: Path, tmp_path: Path) -> None:
    content = bytearray(sealed.read_bytes())
    content[content.index(b"def ")] ^= 1
    ran = write(bytes(content))
    assert ran.status == 2
    assert "was changed: its SHA-256 differs from the one in manifest.json" in ran.line
    assert not (tmp_path / "bom.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (
            "environment/serve.txt",
            b"numpy>=2\n",
            "environment/serve.txt: 'numpy>=2' does not pin one version",
        ),
        ("environment/batch.txt", b"\xff\n", "environment/batch.txt is not UTF-8"),
        ("data/data.json", b"{}", "data/data.json does not describe the training data"),
        ("data/data.json", b"\xff", "data/data.json does not describe the training data"),
    ],
)
def test_parts_with_unexpected_content_are_refused(
    write: Write, package: Package, tmp_path: Path, *, name: str, content: bytes, why: str
) -> None:
    package.contents[name] = content
    ran = write(package.seal())
    assert ran.status == 2
    assert ran.line.startswith(why)
    assert "unexpected" not in ran.line
    assert not (tmp_path / "bom.json").exists()


def test_verify_does_not_import_the_library(sealed: Path, tmp_path: Path) -> None:
    stub = tmp_path / "cyclonedx"
    stub.mkdir()
    (stub / "__init__.py").write_text("raise ImportError('not here')\n")
    toy = Toy(tmp_path)
    toy.sluice("package", "verify", str(sealed), PYTHONPATH=str(tmp_path)).went_well()
    order = ("package", "bom", str(sealed), "--out", "bom.json")
    assert toy.sluice(*order, PYTHONPATH=str(tmp_path)).status == 2


def test_reads_the_pins_of_a_lock() -> None:
    lock = """\
# a pin of three lines, and one of one line
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:a \\
    --hash=sha256:b
tqdm==4.67.1 --hash=md5:c --hash=sha256:d
"""
    assert list(pins(lock, "lock")) == [
        Pin("numpy", "2.4.6", 'python_full_version < "3.12"', ("a", "b")),
        Pin("tqdm", "4.67.1", "", ("d",)),
    ]


@pytest.mark.parametrize(
    "line", ["numpy", "numpy>=2", "numpy==2.*", "numpy==2,!=2.1", "numpy @ file:///x", "-r other"]
)
def test_a_line_that_pins_no_single_version_is_refused(line: str) -> None:
    with pytest.raises(
        SluiceError, match=r"^lock: .* does not pin one version: expected NAME==VERSION"
    ):
        list(pins(line, "lock"))
