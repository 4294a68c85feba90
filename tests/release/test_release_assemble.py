"""A delivery holds a package that may be delivered, and all that speaks for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sluice.delivery.delivery import NAME, REQUIRED, decode
from sluice.package.manifest import Manifest
from sluice.staging import results
from sluice.verdict import Finding, Status, Verdict
from support.package_parts import Package
from support.releases.counter import Counter
from support.releases.wares import Stock, assembled, record, rewrite, sha256, successor, try_out

Sabotage = Callable[[Path], object]


@pytest.fixture
def parts(stock: Stock, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stock.newer.parts, tmp_path / "parts"))


def package(parts: Path) -> Path:
    (only,) = parts.glob("*.tar")
    return only


def manifest(parts: Path) -> Manifest:
    return Package.read(package(parts)).manifest


def dirty(parts: Path) -> None:
    package(parts).write_bytes(successor(package(parts), clean=False))
    try_out(parts / "tested", manifest(parts))


def tampered(parts: Path) -> None:
    content = package(parts).read_bytes()
    package(parts).write_bytes(content.replace(b"Of the next day", b"Of the last day"))


def unreleasable(parts: Path) -> None:
    worse = Finding("champion/gain in cost", Status.FAIL, "the model is worse")
    rewrite(parts / "report/report.json", Verdict.of("champion", [worse]))


def of_a_process(parts: Path) -> None:
    try_out(parts / "tested", manifest(parts), runs_as="process")


def image_of_another(parts: Path) -> None:
    record(parts, "0" * 64)


def report_of_another(parts: Path) -> None:
    fairer = Finding("fairness/side", Status.PASS, "measured on other rows")
    rewrite(parts / "report/report.json", Verdict.of("fairness", [fairer]))


def edited(parts: Path) -> None:
    """Its headline is not what its gates say."""
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
    try_out(parts / "tested", manifest(parts), Status.FAIL)


def insufficient(parts: Path) -> None:
    try_out(parts / "tested", manifest(parts), Status.INSUFFICIENT)


def accepted(parts: Path) -> None:
    """The test environment's findings cannot be accepted away."""
    try_out(parts / "tested", manifest(parts), Status.INSUFFICIENT, "nobody minds")


def of_another(parts: Path) -> None:
    try_out(parts / "tested", msgspec.structs.replace(manifest(parts), digest="0" * 64))


def change(name: str) -> Sabotage:
    """A page that says something else than what it is made from."""

    def do(parts: Path) -> None:
        content = (parts / name).read_text("utf-8")
        (parts / name).write_text(content.replace("es", "se", 1), "utf-8")

    return do


def empty(name: str) -> Sabotage:
    return lambda parts: (parts / name).write_bytes(b"")


def slower(parts: Path) -> None:
    """The numbers behind a passing load test."""
    file = parts / "tested/measured.json"
    said = json.loads(file.read_bytes())
    said["candidate"]["p99_ms"] = 60_000.0
    file.write_text(json.dumps(said), "utf-8")
    (parts / "tested/staging.md").write_text(results.markdown(results.read(parts / "tested")))


def bound_to_nothing(parts: Path) -> None:
    """A load test that was held to other bounds than the package's."""
    file = parts / "tested/load.json"
    said = Verdict.read(file.read_bytes(), "load.json")
    Verdict.of("load", list(said.findings[:1])).write(file)
    (parts / "tested/staging.md").write_text(results.markdown(results.read(parts / "tested")))


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
    "a tampered package": (tampered, "documentation/datasheet.md"),
    "no bill of materials": (remove("evidence/image.cdx.json"), "image.cdx.json is missing"),
    "no report": (remove("report/report.json"), "report.json is missing"),
    "no load test": (remove("tested/load.json"), "load.json is missing"),
    "a bad report": (unreleasable, "must not be released: champion/gain in cost"),
    "an edited report": (edited, "it was edited by hand"),
    "no champion gate": (lacking("champion"), "lacks the gate champion"),
    "no fairness gate": (lacking("fairness"), "lacks the gate fairness"),
    "a test without an image": (of_a_process, "the test environment ran no image"),
    "another's image": (image_of_another, "image.json is not of an image of"),
    "another's report": (report_of_another, "the report is of another package"),
    "a failed test": (fails, "the test environment refuses it: test-scenarios"),
    "an insufficient test": (insufficient, "the test environment refuses it"),
    "an accepted test": (accepted, "the test environment refuses it: test-scenarios: "),
    "another's test": (of_another, "the test environment ran another package"),
    "an edited page of the report": (change("report/report.md"), "report.md is not what comes of"),
    "an edited html report": (change("report/report.html"), "report.html is not what comes of"),
    "an empty report.md": (empty("report/report.md"), "report.md is not what comes of"),
    "an empty report.html": (empty("report/report.html"), "report.html is not what comes of"),
    "an edited page of the test": (change("tested/staging.md"), "staging.md is not what comes of"),
    "an empty page of the test": (empty("tested/staging.md"), "staging.md is not what comes of"),
    "other numbers": (slower, "load.json does not say what measured.json has measured"),
    "other bounds": (bound_to_nothing, "load.json does not say what measured.json has"),
    "an empty bill": (empty("evidence/package.cdx.json"), "package.cdx.json is not what comes of"),
    "another's bill": (bill_of_another("package.cdx.json"), "package.cdx.json is not what comes"),
    "an empty image's bill": (empty("evidence/image.cdx.json"), "image.cdx.json is no bill of"),
    "no image's bill": (write("evidence/image.cdx.json"), "image.cdx.json is no bill of"),
    "another image's bill": (bill_of_another("image.cdx.json"), "is not of an image of"),
    "an image's of other content": (bill_of_other_content, "image.cdx.json is not of an image of"),
    "a link": (link, "more.json: expected a plain file"),
    "a folder": (folder, "more: expected a plain file"),
    "one name twice": (write("tested/report.json"), "report.json: a file of this name cannot join"),
    "its own name": (write("evidence/delivery.json"), "is no name of a file"),
    "a hidden file": (write("evidence/.hidden"), ".hidden: a file of this name cannot join"),
    "a name with a space": (write("evidence/a b"), "a b: a file of this name cannot join"),
}


def test_every_file_by_its_digest(bare: Counter, parts: Path) -> None:
    out = bare.root / "out/delivery"
    bare.typed("assemble", *assembled(parts, out)).went_well()
    made = decode((out / NAME).read_bytes(), "here")
    assert set(made.files) == {package(parts).name, *REQUIRED}
    assert {*made.files, NAME} == {path.name for path in out.iterdir()}
    for name, digest in made.files.items():
        assert sha256((out / name).read_bytes()) == digest
    assert (made.version, made.commit) == (manifest(parts).version, "b0" * 20)


def test_the_same_again_is_the_same_delivery(bare: Counter, parts: Path) -> None:
    out = bare.root / "out/delivery"
    for _ in range(2):
        bare.run("assemble", *assembled(parts, out)).went_well()
        assert (out / NAME).read_bytes() == (bare.newer.folder / NAME).read_bytes()


@pytest.mark.parametrize("case", REFUSED)
def test_refused_and_nothing_is_left(bare: Counter, parts: Path, case: str) -> None:
    sabotage, why = REFUSED[case]
    sabotage(parts)
    out = bare.root / "out/delivery"
    out.mkdir(parents=True)
    (out / "of-an-earlier-run").touch()
    bare.refuses("assemble", *assembled(parts, out), why=why)
    assert not out.exists()


@pytest.mark.parametrize(
    "image", ["octo/shop:latest", "octo/shop@sha256:1", f"$(id)@sha256:{'1' * 64}", ""]
)
def test_an_image_that_is_not_named_by_its_digest(bare: Counter, parts: Path, image: str) -> None:
    arguments = assembled(parts, bare.root / "out/delivery")
    arguments[arguments.index("--image") + 1] = image
    bare.refuses("assemble", *arguments, why="delivery.json is not a delivery")
    assert not (bare.root / "out/delivery").exists()
