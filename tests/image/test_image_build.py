"""What is refused before or while an image is built, and the labels of an image."""

import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from sluice.image.wheels import applicable
from sluice.package.archive import opened
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

STUB = """#!/bin/sh
[ "$1" = version ] && exit 0
echo '[{"Id": "sha256:1", "RepoDigests": ["python@sha256:2"]}]'
"""


@pytest.fixture
def refusal(tmp_path, package):
    """Run `sluice package image`, which must refuse; returns its one line of error output."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "some-1-py3-none-any.whl").touch()

    def run(*options, file=package, **environment):
        given = ("--base=none:such", "--tag=sluice-test:refused", f"--wheels={folder}", *options)
        done = sluice("package", "image", file, *given, **environment)
        assert done.status == 2
        assert len(done.err.splitlines()) == 1, done.err
        return done.line

    return run


def test_an_altered_package_is_refused_before_the_engine_is_used(refusal, package, tmp_path):
    content = bytearray(package.read_bytes())
    content[content.index(b"def ")] ^= 1
    altered = tmp_path / "altered.tar"
    altered.write_bytes(content)
    assert "was changed: its SHA-256 differs from the one in manifest.json" in refusal(
        file=altered, PATH="/nowhere"
    )


def test_a_machine_without_docker_is_told_how_to_get_it(refusal):
    assert refusal(PATH="/nowhere").startswith("the program docker is missing: ")


def test_an_engine_that_does_not_answer_is_reported(refusal):
    line = refusal(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert line.startswith("no container engine answers: ")
    assert line.endswith("on Debian and Ubuntu, 'make engine' installs one")


@pytest.mark.usefixtures("base")
def test_an_unknown_base_image_is_refused(refusal):
    assert refusal().startswith("--base none:such: the container engine has no such image; ")


def test_a_tag_from_a_registry_is_refused_as_base(refusal, tmp_path):
    stub = tmp_path / "docker"
    stub.write_text(STUB)
    stub.chmod(0o755)
    line = refusal("--base=python:3.13-slim", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert line == (
        "--base python:3.13-slim: a registry can move a tag to another image; "
        "use --base python@sha256:2"
    )


def test_an_empty_folder_of_wheels_is_refused(refusal, base, tmp_path):
    line = refusal(f"--base={base.image}", f"--wheels={tmp_path / 'none'}")
    assert line.endswith("none: there are no wheels; download them with 'make wheels'")


def test_a_missing_wheel_is_named(base, small_package, wheels, tmp_path):
    (other,) = wheels.glob("flatbuffers-*.whl")
    shutil.copy(other, tmp_path)
    given = (f"--base={base.image}", "--tag=sluice-test:missing", f"--wheels={tmp_path}")
    done = sluice("package", "image", small_package, *given)
    assert done.status == 2
    assert "has no wheel of click==" in done.line
    assert docker("image", "inspect", "sluice-test:missing").status != 0


def test_a_wheel_that_differs_from_the_lock_is_refused(base, small_package, small_wheels, tmp_path):
    (click,) = small_wheels.glob("click-*.whl")
    (tmp_path / click.name).write_bytes(click.read_bytes() + b"\0")
    given = (f"--base={base.image}", "--tag=sluice-test:forged", f"--wheels={tmp_path}")
    done = sluice("package", "image", small_package, *given)
    assert done.status == 2
    assert "differs from the one in the package's lock, as pip says above" in done.line


def test_labels_identify_the_package_and_the_base(image, base, package):
    labels = json.loads(docker("image", "inspect", image).went_well().out)[0]["Config"]["Labels"]
    with opened(package) as unpacked:
        manifest = unpacked.manifest
    assert labels["org.sluice.package.digest"] == f"sha256:{manifest.digest}"
    oci = {key.rpartition("image.")[2]: value for key, value in labels.items()}
    assert (oci["title"], oci["version"]) == (manifest.name, manifest.version)
    assert oci["revision"] == manifest.source.commit
    assert datetime.fromisoformat(oci["created"]) == datetime.fromtimestamp(
        manifest.source.time, UTC
    )
    assert oci["base.name"] == base.image
    assert oci["base.digest"].startswith("sha256:")


def test_wheels_are_those_for_the_python_of_the_base():
    lock = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:a \\
    --hash=sha256:b
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:c
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:d
"""
    assert applicable(lock, "lock", "3.11") == "numpy==2.4.6 --hash=sha256:a --hash=sha256:b\n"
    assert applicable(lock, "lock", "3.13.1") == "numpy==2.5.5 --hash=sha256:c\n"


def test_the_default_package_is_the_newest(tmp_path):
    from sluice.errors import SluiceError
    from sluice.package.seal import newest

    with pytest.raises(SluiceError, match="build one with 'make package'"):
        newest(tmp_path)
    for age, name in enumerate(("b", "c", "a")):
        (tmp_path / f"{name}.tar").touch()
        os.utime(tmp_path / f"{name}.tar", (0, 1000 - age))
    assert newest(tmp_path).name == "b.tar"
