"""The record of an image depends on its package, libraries and base, not on when it was built."""

import json
from uuid import uuid4

import pytest

from sluice.image import record
from sluice.package.archive import opened
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]


@pytest.fixture
def build_record(base, package, wheels, tmp_path):
    """Build an image without any layer of earlier builds; returns its record."""

    def build():
        tag = f"sluice-test:{uuid4().hex}"
        written = tmp_path / f"{uuid4().hex}.json"
        given = ("--wheels", wheels, "--base", base.image, "--tag", tag, "--record", written)
        try:
            done = sluice("package", "image", package, "--fresh", *given).went_well()
            assert "Using cache" not in done.out
        finally:
            docker("image", "rm", tag)
        return written.read_bytes()

    return build


def test_a_second_build_has_the_same_record(build_record, package, image, other_image):
    again = build_record()
    assert again == record.encode(record.read(image))
    content = json.loads(again)
    with opened(package) as unpacked:
        assert content["package"] == f"sha256:{unpacked.manifest.digest}"
    assert content["base"].startswith("sha256:")
    assert content["runtime"]["User"] == "10001:10001"
    assert content["runtime"]["Volumes"] == {"/log": {}}
    other = record.read(other_image)
    assert other.package != content["package"]
    assert other.base == content["base"]
    assert list(other.layers) != content["layers"]


def test_a_failed_build_writes_no_record(package, tmp_path):
    target = tmp_path / "record.json"
    given = ("--base=none:such", "--record", target)
    assert sluice("package", "image", package, *given).status == 2
    assert not target.exists()
