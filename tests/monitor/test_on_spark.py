"""Summaries from a Spark cluster equal those from one machine, count for count."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sluice.monitor import summaries
from sluice.package import parts
from sluice.package.archive import opened
from sluice.sketch.reference import decode, encode
from sluice.sketch.segments import OTHERS, SegmentCounts, SegmentReference
from support.fixture_project import Ran, Toy
from support.fixture_project.data import table
from support.monitor import END, Logged, put_log
from support.package_parts import Package
from support.spark import Cluster

pytestmark = pytest.mark.xdist_group("spark")


@pytest.fixture(scope="module")
def package(green: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with a reference that also counts two segments and all others."""
    changed = Package.read(green.package)
    known = decode(changed.contents[parts.REFERENCE], "the reference")
    nothing = (0,) * known.scores[0].bins.size
    segments = tuple(SegmentCounts(name, nothing, 0) for name in ("green", "red", OTHERS))
    own = msgspec.structs.replace(known, segments=SegmentReference("colour", 0.5, segments))
    changed.contents[parts.REFERENCE] = encode(own)
    archive = tmp_path_factory.mktemp("segments") / "package.tar"
    archive.write_bytes(changed.seal())
    return archive


@pytest.fixture
def log(logged: Logged, tmp_path: Path) -> Path:
    """Three hosts and two versions, one file that is damaged, and a segment with a writer."""
    folder = tmp_path / "log"
    for at in range(3):
        other = logged.named(host=f"host-{at}", version="2" if at == 2 else logged.header.version)
        put_log(folder, other, table("binary", 900, 40 + at), days=6, seed=at)
    put_log(folder, logged.named(host="open"), table("binary", 50, 50), days=1, segment=True)
    for path in folder.glob("*.parquet"):
        rows = pq.read_table(path)
        colours = pc.struct_field(rows.column("features"), "colour")
        place = rows.schema.get_field_index("segment")
        pq.write_table(rows.set_column(place, "segment", colours), path)
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    return folder


def drift(green: Toy, package: Path, log: Path, cache: Path, *more: str, **environment: str) -> Ran:
    given = ["--package", str(package), "--until", str(END), "--cache", str(cache), "--json"]
    return green.sluice("monitor", "drift", str(log), *given, *more, **environment)


def test_a_cluster_counts_what_one_machine_counts(
    green: Toy, package: Path, log: Path, cluster: Cluster, tmp_path: Path
) -> None:
    alone = drift(green, package, log, tmp_path / "alone")
    on_spark = ["--engine", "spark", "--master", cluster.url]
    before = cluster.applications()
    ran = drift(green, package, log, tmp_path / "spark", *on_spark, **cluster.environment)
    assert ran.status == alone.status, ran.said
    assert ran.out == alone.out
    # The cache holds every count of every cell: the files are equal byte for byte.
    kept = {
        name: {p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.json")}
        for name in ("alone", "spark")
    }
    assert kept["spark"] == kept["alone"]
    assert len(kept["alone"]) >= 6
    assert cluster.applications() != before
    with opened(package) as unpacked:
        made = summaries.of_log(str(log), unpacked.reference, tmp_path / "spark")
    places = {at for one in made for cell in one.cells for at in cell.segments}
    assert places == {0, 1, 2}
    assert sum(one.rows for one in made) == 3 * 900 + 50
    assert [one.name for one in made if one.problem] == ["broken.parquet"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--engine", "spark"], "must be given together"),
        (["--master", "spark://127.0.0.1:1"], "must be given together"),
        (["--engine", "spark", "--master", "spark://127.0.0.1:1"], "no Spark master answers"),
    ],
)
def test_a_cluster_that_is_not_there_is_an_error_in_one_line(
    green: Toy, log: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    ran = drift(green, green.package, log, tmp_path / "cache", *given)
    assert ran.status == 2
    assert said in ran.line
