"""What is delivered: packages with all that speaks for them, and who attested it."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sluice import config
from sluice.delivery import delivery
from sluice.delivery.delivery import Delivery
from sluice.package import bom, identity
from sluice.package.identity import Identity
from sluice.package.manifest import Manifest
from sluice.report import html, markdown
from sluice.report import record as report_record
from sluice.report.evidence import ChampionComparison
from sluice.report.record import Report
from sluice.staging import load, results
from sluice.staging.measured import Measurements, Numbers
from sluice.staging.results import Results
from sluice.verdict import Finding, Status, Verdict
from support.fixture_project import Toy, params
from support.github.fake_github import serve
from support.package_parts import Package
from support.releases.attested import attest, sha256
from support.releases.counter import REPOSITORY, before, environment

DAY = 24 * 60 * 60
IMAGE_ID = f"sha256:{'1' * 64}"
EVIDENCE = ("evidence", "report", "tested")
LOAD = config.Load.model_validate(params("binary")["load"])


@dataclass(frozen=True)
class Wares:
    """One version. parts: what is assembled. folder: what comes of it, and what it says."""

    parts: Path
    folder: Path

    @property
    def package(self) -> Path:
        (only,) = self.parts.glob("*.tar")
        return only

    @property
    def made(self) -> Delivery:
        return delivery.decode((self.folder / delivery.NAME).read_bytes(), "stock")

    @property
    def tag(self) -> str:
        return self.made.tag

    @property
    def image(self) -> str:
        """Its sha256."""
        return self.made.image.rpartition(":")[2]

    @property
    def digest(self) -> str:
        return sha256((self.folder / delivery.NAME).read_bytes())


@dataclass
class Stock:
    older: Wares
    newer: Wares
    notes: Path
    state: dict[str, Any] = field(default_factory=dict)


def deliver_two(toy: Toy, root: Path) -> Stock:
    """By `sluice release assemble` and `deliver`, as the workflow calls them."""
    older, newer = (Wares(root / name / "parts", root / name / "out") for name in ("a", "b"))
    lay(older.parts, toy, toy.package.read_bytes())
    lay(newer.parts, toy, successor(toy.package))
    beside(newer.parts, delivery.tag_of(Package.read(toy.package).manifest.version))
    notes = root / "state/attestations"
    notes.mkdir(parents=True)
    github = before()
    server, _ = serve(github)
    for one in (older, newer):
        place, env = Toy(root), environment(github.url, root)
        place.sluice("release", "assemble", *assembled(one.parts, one.folder), **env).went_well()
        for path in (one.folder / delivery.NAME, one.folder / one.made.package):
            attest(notes, sha256(path.read_bytes()), one.made.commit)
        attest(notes, one.image, one.made.commit)
        place.sluice("release", "deliver", "--out", str(one.folder), **env).went_well()
    server.shutdown()
    server.server_close()
    kept = {name: copy.deepcopy(getattr(github, name)) for name in ("releases", "kept", "tags")}
    return Stock(older, newer, notes, kept)


def lay(parts: Path, toy: Toy, package: bytes) -> None:
    """The package and its evidence, as the workflow's artifacts have them."""
    for name in EVIDENCE:
        (parts / name).mkdir(parents=True)
    scratch = parts / "package.tar"
    scratch.write_bytes(package)
    manifest = Package.read(scratch).manifest
    scratch.rename(parts / f"{manifest.name}-{manifest.version}.tar")
    shutil.copyfile(toy.root / "out/report/report.json", parts / "report/report.json")
    first = Finding("champion/none", Status.PASS, "there is no full release yet")
    rewrite(parts / "report/report.json", Verdict.of("champion", [first]))
    bills(parts)
    record(parts, manifest.digest)
    try_out(parts / "tested", manifest)


def beside(parts: Path, champion: str | None) -> None:
    """The report as it were, had this one served when the version was delivered."""
    report = report_record.read(parts / "report/report.json")
    told(parts / "report", replace(report, champion=ChampionComparison(champion)))


def told(folder: Path, report: Report) -> None:
    """In all its forms."""
    (folder / "report.json").write_bytes(report_record.encode(report))
    (folder / "report.md").write_text(markdown.render(report), "utf-8")
    (folder / "report.html").write_text(html.render(report), "utf-8")


def bills(parts: Path) -> None:
    """The image's as it were, had one been built."""
    (package,) = parts.glob("*.tar")
    mine = parts / "evidence" / delivery.PACKAGE_BILL
    bom.run(package, None, mine)
    bill = json.loads(mine.read_bytes())
    bill["metadata"]["component"]["type"] = "container"
    (parts / "evidence" / delivery.IMAGE_BILL).write_text(json.dumps(bill), "utf-8")


def record(parts: Path, digest: str) -> None:
    """What the build of an image of that package writes down."""
    said = Identity(f"sha256:{digest}", f"sha256:{'b' * 64}", "linux/amd64", (), {})
    (parts / "evidence" / delivery.IMAGE).write_bytes(identity.encode(said))


def rewrite(file: Path, said: Verdict) -> None:
    """The report as it were, had this gate said so."""
    report = report_record.read(file)
    gates = (said, *(gate for gate in report.gates if gate.gate != said.gate))
    fine = all(gate.passes for gate in gates)
    told(file.parent, replace(report, gates=gates, releasable=fine, reason=said.why))


def try_out(
    folder: Path,
    manifest: Manifest,
    status: Status = Status.PASS,
    accepted: str | None = None,
    runs_as: str = IMAGE_ID,
) -> None:
    """The test environment's word on this package."""
    of = (manifest.name, manifest.version, manifest.digest, runs_as)
    numbers = Numbers(*of, 10, {}, 1.5, 2.0, 3.0, 100.0, 80.0, 0.0)
    tried = Finding("test-scenarios/tried", status, "as measured", accepted=accepted)
    said = (Verdict.of("test-scenarios", [tried]), load.verdict(numbers, LOAD))
    results.clear(folder)
    for verdict in said:
        results.write_verdict(folder, verdict)
    results.write(folder, Results(*said, Measurements(1.0, 4, 1, numbers)))


def successor(package: Path, **source: Any) -> bytes:
    """Another package of the same model: other documentation, of a later commit."""
    made = Package.read(package)
    given = {"commit": "b0" * 20, "time": made.manifest.source.time + DAY, **source}
    changed = replace(made.manifest.source, **given)
    made.manifest = replace(made.manifest, source=changed)
    made.contents["documentation/datasheet.md"] += b"\nOf the next day.\n"
    return made.seal()


def assembled(parts: Path, out: Path) -> list[str]:
    """The arguments of `sluice release assemble`."""
    (package,) = parts.glob("*.tar")
    image = f"127.0.0.1:5000/{REPOSITORY}@sha256:{sha256(package.name.encode())}"
    given = [word for name in EVIDENCE for word in ("--evidence", str(parts / name))]
    return [str(package), "--image", image, *given, "--out", str(out)]
