"""The record of an image depends on its package, libraries and base, not on the build time."""

import json
from uuid import uuid4

import pytest

from sluice.image import record
from sluice.package.archive import opened
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]


@pytest.fixture
def build_record(base, small_package, small_wheels, tmp_path):
    """Build an image without any layer of earlier builds; returns its record."""

    def build():
        tag = f"sluice-test:{uuid4().hex}"
        written = tmp_path / f"{uuid4().hex}.json"
        given = ("--wheels", small_wheels, "--base", base.image, "--tag", tag, "--record", written)
        try:
            done = sluice("package", "image", small_package, "--fresh", *given).went_well()
            assert "Using cache" not in done.out
        finally:
            docker("image", "rm", tag)
        return written.read_bytes()

    return build


@pytest.mark.long
def test_a_second_build_has_the_same_record(build_record, small_package, small_image, image):
    """tests/workflows/test_workflow_deliver.py does the same with an image that has every
    library.
    """
    again = build_record()
    assert again == record.encode(record.read(small_image))
    content = json.loads(again)
    with opened(small_package) as unpacked:
        assert content["package"] == f"sha256:{unpacked.manifest.digest}"
    assert content["base"].startswith("sha256:")
    assert content["runtime"]["User"] == "10001:10001"
    assert content["runtime"]["Volumes"] == {"/log": {}}
    other = record.read(image)
    assert other.package != content["package"]
    assert other.base == content["base"]
    assert list(other.layers) != content["layers"]


def test_a_failed_build_writes_no_record(package, tmp_path):
    target = tmp_path / "record.json"
    given = ("--base=none:such", "--record", target)
    assert sluice("package", "image", package, *given).status == 2
    assert not target.exists()
