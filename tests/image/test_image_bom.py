"""The bill of materials of an image lists everything that is installed in it."""

import json

import pytest

from sluice.image.wheels import applicable
from sluice.package.archive import opened
from support.bom_schema import faults
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]


@pytest.fixture(scope="module")
def written(image, package, tmp_path_factory):
    target = tmp_path_factory.mktemp("bom") / "image.cdx.json"
    sluice("package", "bom", package, "--image", image, "--out", target).went_well()
    return target


@pytest.fixture(scope="module")
def bom(written):
    return json.loads(written.read_bytes())


def versions(bom, kind, **others):
    found = (each for each in bom["components"] if each.get("purl", "").startswith(kind))
    return {
        each["name"]: each["version"]
        for each in found
        if all(each.get(name) == value for name, value in others.items())
    }


def test_matches_the_schema_and_identifies_the_image(written, bom, image, package):
    assert faults(written.read_text("utf-8")) == []
    subject = bom["metadata"]["component"]
    assert subject["type"] == "container"
    properties = {each["name"]: each["value"] for each in subject["properties"]}
    assert (
        properties["sluice:image:id"]
        == docker("image", "inspect", "-f", "{{.Id}}", image).out.strip()
    )
    with opened(package) as unpacked:
        assert properties["sluice:package:digest"] == f"sha256:{unpacked.manifest.digest}"


def test_lists_every_system_package(bom, image):
    asked = ("--entrypoint=dpkg-query", image, "--show", "--showformat=${Package} ${Version}\n")
    lines = docker("run", "--rm", "--network=none", *asked).went_well().out.splitlines()
    assert versions(bom, "pkg:deb/") == dict(line.split() for line in lines)
    assert versions(bom, "pkg:generic/python@")


def test_lists_the_libraries_that_are_locked_for_the_base_images_python(bom, base, package):
    with opened(package) as unpacked:
        locks = unpacked.serving_locks
    texts = [applicable(text, path, base.python) for path, text in locks.items()]
    locked = dict(line.split(" ")[0].split("==") for text in texts for line in text.splitlines())
    assert versions(bom, "pkg:pypi/", scope="required") == locked
    assert "colorama" in versions(bom, "pkg:pypi/", scope="excluded")


def test_gives_the_same_bytes_again(written, image, package, tmp_path):
    again = tmp_path / "again.json"
    order = ("package", "bom", package, "--image", image, "--out", again)
    sluice(*order, PYTHONHASHSEED="7").went_well()
    assert again.read_bytes() == written.read_bytes()


def test_an_image_of_another_package_is_refused(small_image, base, package, tmp_path):
    target = tmp_path / "bom.json"
    done = sluice("package", "bom", package, "--image", small_image, "--out", target)
    assert done.status == 2
    assert done.line.startswith(f"{small_image}: is not the image of ")
    done = sluice("package", "bom", package, "--image", base.image, "--out", target)
    assert done.line.startswith(f"{base.image}: is not the image of a package")
    assert not target.exists()
