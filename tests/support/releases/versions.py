"""Two versions with all their evidence, and variants of it that must be refused."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sluice import config
from sluice.delivery import contents, record
from sluice.delivery.record import Delivery
from sluice.image import record as image_record
from sluice.image.record import ImageRecord
from sluice.package import bom
from sluice.package.manifest import Manifest
from sluice.report import html, markdown
from sluice.report import record as reports
from sluice.report.evidence import ChampionComparison
from sluice.report.record import Report
from sluice.staging import load, page, results
from sluice.staging.measurements import LoadResult, Measurements
from sluice.staging.results import Results
from sluice.verdict import Finding, Status, Verdict
from support.fixture_project import Toy, params
from support.github.server import serve
from support.package_parts import Package
from support.releases.attested import attest, sha256
from support.releases.repository import REPOSITORY, before, environment
from support.rollout import resealed

DAY = 24 * 60 * 60
IMAGE_ID = f"sha256:{'1' * 64}"
EVIDENCE = ("evidence", "report", "tested")
LOAD = config.Load.model_validate(params("binary")["load"])


@dataclass(frozen=True)
class Version:
    """parts: the files that are assembled. folder: the delivery that they become."""

    parts: Path
    folder: Path

    @property
    def package(self) -> Path:
        (only,) = self.parts.glob("*.tar")
        return only

    @property
    def delivery(self) -> Delivery:
        return record.decode((self.folder / record.NAME).read_bytes(), "the fixture")

    @property
    def tag(self) -> str:
        return self.delivery.tag

    @property
    def image(self) -> str:
        """The sha256 of the image."""
        return self.delivery.image.rpartition(":")[2]

    @property
    def digest(self) -> str:
        """The sha256 of delivery.json."""
        return sha256((self.folder / record.NAME).read_bytes())


@dataclass
class Versions:
    """Two versions. attestations: the folder of their attestations. state: what GitHub has once
    both are delivered.
    """

    older: Version
    newer: Version
    attestations: Path
    state: dict[str, Any] = field(default_factory=dict)


def deliver_two(toy: Toy, root: Path, **settings: dict[str, Any]) -> Versions:
    """Run `sluice delivery assemble` and `publish` for both, as the workflow does.

    settings: sections of the newer one's params.yaml.
    """
    older, newer = (Version(root / name / "parts", root / name / "out") for name in ("a", "b"))
    write_parts(older.parts, toy, toy.package.read_bytes())
    newest = successor(toy.package)
    if settings:
        changed = root / "changed"
        changed.mkdir()
        (changed / "package.tar").write_bytes(newest)
        newest = resealed(changed / "package.tar", changed, **settings).read_bytes()
    write_parts(newer.parts, toy, newest)
    compare_with(newer.parts, record.tag_of(Package.read(toy.package).manifest.version))
    attestations = root / "state/attestations"
    attestations.mkdir(parents=True)
    github = before()
    server, _ = serve(github)
    for one in (older, newer):
        place, env = Toy(root), environment(github.url, root)
        place.sluice("delivery", "assemble", *assembled(one.parts, one.folder), **env).went_well()
        for path in (one.folder / record.NAME, one.folder / one.delivery.package):
            attest(attestations, sha256(path.read_bytes()), one.delivery.commit)
        attest(attestations, one.image, one.delivery.commit)
        place.sluice("delivery", "publish", "--out", str(one.folder), **env).went_well()
    server.shutdown()
    server.server_close()
    state = {name: copy.deepcopy(getattr(github, name)) for name in ("releases", "kept", "tags")}
    return Versions(older, newer, attestations, state)


def write_parts(parts: Path, toy: Toy, package: bytes) -> None:
    """Write the package and its evidence, as the jobs of the workflow pass them on."""
    for name in EVIDENCE:
        (parts / name).mkdir(parents=True)
    scratch = parts / "package.tar"
    scratch.write_bytes(package)
    manifest = Package.read(scratch).manifest
    scratch.rename(parts / f"{manifest.name}-{manifest.version}.tar")
    shutil.copyfile(toy.root / "out/report/report.json", parts / "report/report.json")
    first = Finding("champion/none", Status.PASS, "there is no full release yet")
    replace_verdict(parts / "report/report.json", Verdict.of("champion", [first]))
    write_bills(parts)
    write_image_record(parts, manifest.digest)
    write_results(parts / "tested", manifest)


def compare_with(parts: Path, champion: str | None) -> None:
    """Rewrite the report as if this had been the champion when the version was delivered."""
    report = reports.read(parts / "report/report.json")
    write_report(parts / "report", replace(report, champion=ChampionComparison(champion)))


def write_report(folder: Path, report: Report) -> None:
    """Write the report in all its forms."""
    (folder / "report.json").write_bytes(reports.encode(report))
    (folder / "report.md").write_text(markdown.render(report), "utf-8")
    (folder / "report.html").write_text(html.render(report), "utf-8")


def write_bills(parts: Path) -> None:
    """The package's bill of materials, and the one that an image of it would have."""
    (package,) = parts.glob("*.tar")
    own = parts / "evidence" / contents.PACKAGE_BILL
    bom.run(package, own)
    bill = json.loads(own.read_bytes())
    bill["metadata"]["component"]["type"] = "container"
    (parts / "evidence" / contents.IMAGE_BILL).write_text(json.dumps(bill), "utf-8")


def write_image_record(parts: Path, digest: str) -> None:
    """The record that the build of an image of that package writes."""
    made = ImageRecord(f"sha256:{digest}", f"sha256:{'b' * 64}", "linux/amd64", (), {})
    (parts / "evidence" / contents.IMAGE).write_bytes(image_record.encode(made))


def replace_verdict(file: Path, verdict: Verdict) -> None:
    """Rewrite the report as if this gate had come to this verdict."""
    report = reports.read(file)
    gates = (verdict, *(gate for gate in report.gates if gate.gate != verdict.gate))
    fine = all(gate.passes for gate in gates)
    write_report(file.parent, replace(report, gates=gates, releasable=fine, reason=verdict.why))


def write_results(
    folder: Path,
    manifest: Manifest,
    status: Status = Status.PASS,
    accepted: str | None = None,
    runs_as: str = IMAGE_ID,
) -> None:
    """Write the results of the test environment for this package."""
    of = (manifest.name, manifest.version, manifest.digest, runs_as)
    measured = LoadResult(*of, 10, {}, 1.5, 2.0, 3.0, 100.0, 80.0, 0.0)
    tried = Finding("test-scenarios/tried", status, "as measured", accepted=accepted)
    verdicts = (Verdict.of("test-scenarios", [tried]), load.verdict(measured, LOAD))
    results.clear(folder)
    found = Results(*verdicts, Measurements(1.0, 4, 1, measured))
    for verdict in verdicts:
        results.write_verdict(folder, verdict)
    results.write_measurements(folder, found)
    page.write(folder / results.PAGE, found)


def successor(package: Path, **source: Any) -> bytes:
    """Another package of the same model, from a later commit with other documentation."""
    made = Package.read(package)
    given = {"commit": "b0" * 20, "time": made.manifest.source.time + DAY, **source}
    changed = replace(made.manifest.source, **given)
    made.manifest = replace(made.manifest, source=changed)
    made.contents["documentation/datasheet.md"] += b"\nOf the next day.\n"
    return made.seal()


def assembled(parts: Path, out: Path) -> list[str]:
    """The arguments of `sluice delivery assemble`."""
    (package,) = parts.glob("*.tar")
    image = f"127.0.0.1:5000/{REPOSITORY}@sha256:{sha256(package.name.encode())}"
    given = [word for name in EVIDENCE for word in ("--evidence", str(parts / name))]
    return [str(package), "--image", image, *given, "--out", str(out)]
