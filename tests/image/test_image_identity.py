"""What an image is follows from its package, libraries and base, not from when it was made."""

import json
from uuid import uuid4

import pytest

from sluice.package.archive import opened
from sluice.package.identity import encode, identify
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]


@pytest.fixture
def recorded(base, package, wheels, tmp_path):
    """The record that a build with nothing from earlier builds writes."""

    def build():
        tag = f"sluice-test:{uuid4().hex}"
        record = tmp_path / f"{uuid4().hex}.json"
        given = ("--wheels", wheels, "--base", base.image, "--tag", tag, "--record", record)
        try:
            done = sluice("package", "image", package, "--fresh", *given).went_well()
            assert "Using cache" not in done.out
        finally:
            docker("image", "rm", tag)
        return record.read_bytes()

    return build


def test_built_again_it_is_the_same(recorded, package, image, other_image):
    again = recorded()
    assert again == encode(identify(image))
    said = json.loads(again)
    with opened(package) as unpacked:
        assert said["package"] == f"sha256:{unpacked.manifest.digest}"
    assert said["base"].startswith("sha256:")
    assert said["runtime"]["User"] == "10001:10001"
    assert said["runtime"]["Volumes"] == {"/log": {}}
    other = identify(other_image)
    assert other.package != said["package"]
    assert other.base == said["base"]
    assert list(other.layers) != said["layers"]


def test_no_record_of_an_image_that_was_not_built(package, tmp_path):
    record = tmp_path / "record.json"
    given = ("--base=none:such", "--record", record)
    assert sluice("package", "image", package, *given).status == 2
    assert not record.exists()
