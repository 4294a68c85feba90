"""What is refused before or while an image is built, and what an image says of itself."""

import json
import os
import shutil
from datetime import UTC, datetime

import pytest

from sluice.image.wheels import choose
from sluice.package.archive import opened
from support.image.containers import docker, sluice

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.usefixtures("engine")]

STUB = """#!/bin/sh
[ "$1" = version ] && exit 0
echo '[{"Id": "sha256:1", "RepoDigests": ["python@sha256:2"]}]'
"""


@pytest.fixture
def order(tmp_path, package):
    """`sluice package image` with wheels that are none."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "some-1-py3-none-any.whl").touch()

    def give(*options, file=package, **environment):
        given = ("--base=none:such", "--tag=sluice-test:refused", f"--wheels={folder}", *options)
        done = sluice("package", "image", file, *given, **environment)
        assert done.status == 2
        assert len(done.err.splitlines()) == 1, done.err
        return done.line

    return give


def test_tampered_package_is_refused_before_an_engine_is_asked(order, package, tmp_path):
    content = bytearray(package.read_bytes())
    content[content.index(b"def ")] ^= 1
    tampered = tmp_path / "tampered.tar"
    tampered.write_bytes(content)
    assert "was changed: its sha256 is not the manifest's" in order(file=tampered, PATH="/nowhere")


def test_no_docker(order):
    assert order(PATH="/nowhere").startswith("docker is not there: install a container engine")


def test_no_engine(order):
    line = order(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert line.startswith("no container engine answers: ")
    assert line.endswith("'make engine' gets one on Debian")


@pytest.mark.usefixtures("base")
def test_no_base(order):
    assert order().startswith("--base none:such: this engine has no such image; ")


def test_tag_of_a_registry_is_no_pin(order, tmp_path):
    stub = tmp_path / "docker"
    stub.write_text(STUB)
    stub.chmod(0o755)
    line = order("--base=python:3.13-slim", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert line == "--base python:3.13-slim: a tag can move; say --base python@sha256:2"


def test_no_wheels(order, base, tmp_path):
    line = order(f"--base={base.image}", f"--wheels={tmp_path / 'none'}")
    assert line.endswith("none: no wheels there; fetch them with 'make wheels'")


def test_wheel_that_lacks(base, package, wheels, tmp_path):
    (click,) = wheels.glob("click-*.whl")
    shutil.copy(click, tmp_path)
    given = (f"--base={base.image}", "--tag=sluice-test:lacks", f"--wheels={tmp_path}")
    done = sluice("package", "image", package, *given)
    assert done.status == 2
    assert "lacks a wheel of flatbuffers==" in done.line
    assert docker("image", "inspect", "sluice-test:lacks").status != 0


def test_wheel_that_is_not_the_locked_one(base, package, wheels, tmp_path):
    (click,) = wheels.glob("click-*.whl")
    (tmp_path / click.name).write_bytes(click.read_bytes() + b"\0")
    given = (f"--base={base.image}", "--tag=sluice-test:forged", f"--wheels={tmp_path}")
    done = sluice("package", "image", package, *given)
    assert done.status == 2
    assert done.line.endswith("is not the one in the package's lock; pip says above which")


def test_labels_carry_the_digest(image, base, package):
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


def test_wheels_are_chosen_for_the_python_of_the_base():
    lock = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:a \\
    --hash=sha256:b
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:c
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:d
"""
    assert choose(lock, "3.11") == "numpy==2.4.6 --hash=sha256:a --hash=sha256:b\n"
    assert choose(lock, "3.13.1") == "numpy==2.5.5 --hash=sha256:c\n"


def test_package_that_is_meant_is_the_newest(tmp_path, monkeypatch):
    from sluice.errors import SluiceError
    from sluice.image.build import newest

    with pytest.raises(SluiceError, match="run 'make package'"):
        newest(tmp_path)
    for age, name in enumerate(("b", "c", "a")):
        (tmp_path / f"{name}.tar").touch()
        os.utime(tmp_path / f"{name}.tar", (0, 1000 - age))
    assert newest(tmp_path).name == "b.tar"
