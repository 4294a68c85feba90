"""An image's bill of materials names all that is installed in it."""

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sluice.image.wheels import LOCKS, choose
from sluice.package.archive import opened
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


def test_keeps_to_the_schema_and_says_what_image(written, bom, image, package):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written.read_text("utf-8")) is None
    subject = bom["metadata"]["component"]
    assert subject["type"] == "container"
    said = {each["name"]: each["value"] for each in subject["properties"]}
    assert said["sluice:image:id"] == docker("image", "inspect", "-f", "{{.Id}}", image).out.strip()
    with opened(package) as unpacked:
        assert said["sluice:package:digest"] == f"sha256:{unpacked.manifest.digest}"


def test_every_package_of_the_system(bom, image):
    asked = ("--entrypoint=dpkg-query", image, "--show", "--showformat=${Package} ${Version}\n")
    lines = docker("run", "--rm", "--network=none", *asked).went_well().out.splitlines()
    assert versions(bom, "pkg:deb/") == dict(line.split() for line in lines)
    assert versions(bom, "pkg:generic/python@")


def test_the_libraries_are_those_locked_for_the_python_of_the_base(bom, base, package):
    with opened(package) as unpacked:
        texts = [choose((unpacked.folder / lock).read_text(), base.python) for lock in LOCKS]
    locked = dict(line.split(" ")[0].split("==") for text in texts for line in text.splitlines())
    assert versions(bom, "pkg:pypi/", scope="required") == locked
    assert "colorama" in versions(bom, "pkg:pypi/", scope="excluded")


def test_the_same_again(written, image, package, tmp_path):
    again = tmp_path / "again.json"
    order = ("package", "bom", package, "--image", image, "--out", again)
    sluice(*order, PYTHONHASHSEED="7").went_well()
    assert again.read_bytes() == written.read_bytes()


def test_image_of_another_package_is_refused(other_image, base, package, tmp_path):
    target = tmp_path / "bom.json"
    done = sluice("package", "bom", package, "--image", other_image, "--out", target)
    assert done.status == 2
    assert done.line.startswith(f"{other_image}: holds sha256:")
    done = sluice("package", "bom", package, "--image", base.image, "--out", target)
    assert done.line.startswith(f"{base.image}: not the image of a package")
    assert not target.exists()
