"""A delivery contains a package that may be released, and all evidence for that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sluice.delivery.contents import REQUIRED
from sluice.delivery.record import NAME, decode
from sluice.package.manifest import Manifest
from sluice.package.parts import CONFINEMENT
from sluice.staging import page, results
from sluice.verdict import Finding, Status, Verdict
from support.package_parts import Package
from support.releases.attested import sha256
from support.releases.repository import Repository
from support.releases.versions import (
    Versions,
    assembled,
    replace_verdict,
    successor,
    write_image_record,
    write_results,
)

Sabotage = Callable[[Path], object]


@pytest.fixture
def parts(versions: Versions, tmp_path: Path) -> Path:
    return Path(shutil.copytree(versions.newer.parts, tmp_path / "parts"))


def package(parts: Path) -> Path:
    (only,) = parts.glob("*.tar")
    return only


def manifest(parts: Path) -> Manifest:
    return Package.read(package(parts)).manifest


def dirty(parts: Path) -> None:
    package(parts).write_bytes(successor(package(parts), clean=False))
    write_results(parts / "tested", manifest(parts))


def tampered(parts: Path) -> None:
    content = package(parts).read_bytes()
    package(parts).write_bytes(content.replace(b"Of the next day", b"Of the last day"))


def unconfined(parts: Path) -> None:
    made = Package.read(package(parts))
    made.contents[CONFINEMENT] = json.dumps({"scenarios": True, "training": False}).encode()
    package(parts).write_bytes(made.seal())


def unreleasable(parts: Path) -> None:
    worse = Finding("champion/gain in cost", Status.FAIL, "the model is worse")
    replace_verdict(parts / "report/report.json", Verdict.of("champion", [worse]))


def of_a_process(parts: Path) -> None:
    write_results(parts / "tested", manifest(parts), runs_as="process")


def image_of_another(parts: Path) -> None:
    write_image_record(parts, "0" * 64)


def report_of_another(parts: Path) -> None:
    fairer = Finding("fairness/side", Status.PASS, "measured on other rows")
    replace_verdict(parts / "report/report.json", Verdict.of("fairness", [fairer]))


def edited(parts: Path) -> None:
    """A report whose headline contradicts the verdicts of its gates."""
    unreleasable(parts)
    file = parts / "report/report.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"releasable": True}), "utf-8")


def lacking(gate: str) -> Sabotage:
    def do(parts: Path) -> None:
        file = parts / "report/report.json"
        told = json.loads(file.read_bytes())
        told["gates"] = [one for one in told["gates"] if one["gate"] != gate]
        file.write_text(json.dumps(told), "utf-8")

    return do


def fails(parts: Path) -> None:
    write_results(parts / "tested", manifest(parts), Status.FAIL)


def insufficient(parts: Path) -> None:
    write_results(parts / "tested", manifest(parts), Status.INSUFFICIENT)


def accepted(parts: Path) -> None:
    """Findings of the test environment cannot be accepted in params.yaml."""
    write_results(parts / "tested", manifest(parts), Status.INSUFFICIENT, "nobody minds")


def of_another(parts: Path) -> None:
    write_results(parts / "tested", msgspec.structs.replace(manifest(parts), digest="0" * 64))


def change(name: str) -> Sabotage:
    """A page that differs from the data it is made from."""

    def do(parts: Path) -> None:
        content = (parts / name).read_text("utf-8")
        (parts / name).write_text(content.replace("es", "se", 1), "utf-8")

    return do


def empty(name: str) -> Sabotage:
    return lambda parts: (parts / name).write_bytes(b"")


def write_page(parts: Path) -> None:
    tested = parts / "tested"
    page.write(tested / results.PAGE, results.read(tested))


def slower(parts: Path) -> None:
    """Measurements that differ from those of the passing verdict."""
    file = parts / "tested/measured.json"
    said = json.loads(file.read_bytes())
    said["candidate"]["p99_ms"] = 60_000.0
    file.write_text(json.dumps(said), "utf-8")
    write_page(parts)


def bound_to_nothing(parts: Path) -> None:
    """A verdict with bounds that differ from the package's."""
    file = parts / "tested/load.json"
    said = Verdict.read(file.read_bytes(), "load.json")
    Verdict.of("load", list(said.findings[:1])).write(file)
    write_page(parts)


def bill_of_another(name: str) -> Sabotage:
    def do(parts: Path) -> None:
        file = parts / "evidence" / name
        said = json.loads(file.read_bytes())
        said["metadata"]["component"] |= {"version": "2026.01.02-0123456789ab"}
        file.write_text(json.dumps(said), "utf-8")

    return do


def bill_of_other_content(parts: Path) -> None:
    file = parts / "evidence/image.cdx.json"
    digest = manifest(parts).digest
    file.write_text(file.read_text("utf-8").replace(f"sha256:{digest}", "sha256:0"), "utf-8")


def remove(name: str) -> Sabotage:
    return lambda parts: (parts / name).unlink()


def write(name: str) -> Sabotage:
    return lambda parts: (parts / name).write_text("{}", "utf-8")


def link(parts: Path) -> None:
    (parts / "evidence/more.json").symlink_to(parts / "report/report.json")


def folder(parts: Path) -> None:
    (parts / "evidence/more").mkdir()


REFUSED: dict[str, tuple[Sabotage, str]] = {
    "a package with changes": (dirty, "was built with changes that are not in its commit"),
    "an unconfined package": (unconfined, "was built with --unconfined"),
    "a tampered package": (tampered, "documentation/datasheet.md"),
    "no bill of materials": (remove("evidence/image.cdx.json"), "image.cdx.json is missing"),
    "no report": (remove("report/report.json"), "report.json is missing"),
    "no load test": (remove("tested/load.json"), "load.json is missing"),
    "a bad report": (unreleasable, "must not be released: champion/gain in cost"),
    "an edited report": (edited, "it was edited by hand"),
    "no champion gate": (lacking("champion"), "has no verdict of the gate champion"),
    "no fairness gate": (lacking("fairness"), "has no verdict of the gate fairness"),
    "a test without an image": (
        of_a_process,
        "the test environment ran a process instead of the image",
    ),
    "the image of another package": (
        image_of_another,
        "image.json is the record of an image of another package",
    ),
    "the report of another package": (
        report_of_another,
        "report.json is the report of another package",
    ),
    "a failed test": (fails, "did not pass in the test environment: test-scenarios"),
    "an insufficient test": (insufficient, "did not pass in the test environment: test-scenarios"),
    "a test with accepted findings": (
        accepted,
        "did not pass in the test environment: test-scenarios: ",
    ),
    "the test of another package": (of_another, "measured.json is of another package"),
    "an edited page of the report": (
        change("report/report.md"),
        "report.md differs from the one made",
    ),
    "an edited html report": (
        change("report/report.html"),
        "report.html differs from the one made",
    ),
    "an empty report.md": (empty("report/report.md"), "report.md differs from the one made"),
    "an empty report.html": (empty("report/report.html"), "report.html differs from the one made"),
    "an edited page of the test": (
        change("tested/staging.md"),
        "staging.md differs from the one made",
    ),
    "an empty page of the test": (
        empty("tested/staging.md"),
        "staging.md differs from the one made",
    ),
    "other measurements": (slower, "load.json is not the verdict on the numbers in measured.json"),
    "other bounds": (
        bound_to_nothing,
        "load.json is not the verdict on the numbers in measured.json",
    ),
    "an empty bill": (
        empty("evidence/package.cdx.json"),
        "package.cdx.json differs from the one made",
    ),
    "the bill of another package": (
        bill_of_another("package.cdx.json"),
        "package.cdx.json differs from the one",
    ),
    "an empty bill of the image": (
        empty("evidence/image.cdx.json"),
        "image.cdx.json is not a bill of materials",
    ),
    "no bill of the image": (
        write("evidence/image.cdx.json"),
        "image.cdx.json is not a bill of materials",
    ),
    "the bill of another image": (
        bill_of_another("image.cdx.json"),
        "does not describe an image of",
    ),
    "the bill of an image with other content": (
        bill_of_other_content,
        "image.cdx.json does not describe an image",
    ),
    "a link": (link, "more.json: expected a plain file"),
    "a folder": (folder, "more: expected a plain file"),
    "one name twice": (
        write("tested/report.json"),
        "report.json: the delivery already holds a file of this name",
    ),
    "its own name": (write("evidence/delivery.json"), "is not a valid file name in a delivery"),
    "a hidden file": (write("evidence/.hidden"), ".hidden: this file name is not allowed"),
    "a name with a space": (write("evidence/a b"), "a b: this file name is not allowed"),
}


def test_the_record_names_every_file_by_its_digest(bare: Repository, parts: Path) -> None:
    out = bare.root / "out/delivery"
    bare.run_process("delivery", "assemble", *assembled(parts, out)).went_well()
    made = decode((out / NAME).read_bytes(), "here")
    assert set(made.files) == {package(parts).name, *REQUIRED}
    assert {*made.files, NAME} == {path.name for path in out.iterdir()}
    for name, digest in made.files.items():
        assert sha256((out / name).read_bytes()) == digest
    assert (made.version, made.commit) == (manifest(parts).version, "b0" * 20)


def test_the_same_parts_give_the_same_bytes(bare: Repository, parts: Path) -> None:
    out = bare.root / "out/delivery"
    for _ in range(2):
        bare.run("delivery", "assemble", *assembled(parts, out)).went_well()
        assert (out / NAME).read_bytes() == (bare.newer.folder / NAME).read_bytes()


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_is_left_in_the_folder(
    bare: Repository, parts: Path, case: str
) -> None:
    sabotage, why = REFUSED[case]
    sabotage(parts)
    out = bare.root / "out/delivery"
    out.mkdir(parents=True)
    (out / "of-an-earlier-run").touch()
    (out / NAME).touch()
    bare.refuses("delivery", "assemble", *assembled(parts, out), why=why)
    assert not out.exists()


def test_a_folder_with_files_of_someone_else_is_not_deleted(bare: Repository, parts: Path) -> None:
    out = bare.root / "documents"
    out.mkdir()
    (out / "thesis.txt").write_text("three years of work", "utf-8")
    why = "documents has files but no delivery.json"
    bare.refuses("delivery", "assemble", *assembled(parts, out), why=why)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    link = bare.root / "link"
    link.symlink_to(out)
    why = "link is not a plain folder"
    bare.refuses("delivery", "assemble", *assembled(parts, link), why=why)
    assert (out / "thesis.txt").is_file()


@pytest.mark.parametrize(
    "image", ["octo/shop:latest", "octo/shop@sha256:1", f"$(id)@sha256:{'1' * 64}", ""]
)
def test_an_image_that_is_not_named_by_its_digest(
    bare: Repository, parts: Path, image: str
) -> None:
    arguments = assembled(parts, bare.root / "out/delivery")
    arguments[arguments.index("--image") + 1] = image
    bare.refuses(
        "delivery", "assemble", *arguments, why="delivery.json is not a valid record of a delivery"
    )
    assert not (bare.root / "out/delivery").exists()
