"""Fixtures: images of the fixture project's packages, built on a real container engine."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.fixture_project import Toy
from support.image.containers import docker, image_of, run, sluice
from support.package_parts import Package

_BASE = f"sluice-base:{platform.freedesktop_os_release().get('VERSION_CODENAME', 'unknown')}"

# Versions that the second package is locked to; requirements/ has newer ones.
OTHER = {"onnxruntime": "1.31.0", "prometheus-client": "0.25.0"}


@dataclass(frozen=True)
class Base:
    image: str
    python: str

    def fetch(self, package: Path, folder: Path) -> Path:
        chosen = ("--wheels", folder, "--base", self.image)
        sluice("package", "wheels", package, *chosen).went_well()
        return folder


@pytest.fixture(scope="session")
def base() -> Base:
    """The base image that `make engine` made. Without an engine the tests fail; they never skip."""
    version = "import platform; print(platform.python_version())"
    try:
        asked = docker("run", "--rm", "--network=none", _BASE, "python3", "-c", version)
    except FileNotFoundError:
        asked = None
    if asked is None or asked.status:
        pytest.fail(f"no container engine here that has {_BASE}: run 'make engine'", pytrace=False)
    return Base(_BASE, asked.out.strip())


@pytest.fixture(scope="session")
def package(built: Callable[[str], Toy]) -> Path:
    return built("binary").package


@pytest.fixture(scope="session")
def wheels(base: Base, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base.fetch(package, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def image(base: Base, package: Path, wheels: Path) -> Iterator[str]:
    with image_of(package, wheels, base.image) as tag:
        yield tag


@pytest.fixture(scope="session")
def small_package(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package whose image is built in seconds: it needs only click, so it cannot serve."""
    made = Package.read(package)
    lock = made.contents["environment/serve.txt"].decode()
    made.replace("environment/serve.txt", _pin("click").search(lock)[0].encode() + b"\n")
    made.replace("environment/batch.txt", b"")
    file = tmp_path_factory.mktemp("small") / "small.tar"
    file.write_bytes(made.seal())
    return file


@pytest.fixture(scope="session")
def small_wheels(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (click,) = wheels.glob("click-*.whl")
    folder = tmp_path_factory.mktemp("small-wheels")
    shutil.copy(click, folder)
    return folder


@pytest.fixture(scope="session")
def small_image(base: Base, small_package: Path, small_wheels: Path) -> Iterator[str]:
    with image_of(small_package, small_wheels, base.image) as tag:
        yield tag


@pytest.fixture(scope="session")
def other_package(
    base: Base, built: Callable[[str], Toy], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A package that is locked to other versions of some libraries."""
    folder = tmp_path_factory.mktemp("other")
    toy = built("binary").copy(folder / "toy")
    for name in ("requirements/serve.txt", "requirements/batch.txt"):
        toy.write(name, _relocked(toy.text(name), base, folder / "locked"))
    toy.commit()
    toy.sluice("package", "build").went_well()
    return toy.package


@pytest.fixture(scope="session")
def other_image(
    base: Base, other_package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    wheels = base.fetch(other_package, tmp_path_factory.mktemp("other-wheels"))
    with image_of(other_package, wheels, base.image) as tag:
        yield tag


def _relocked(lock: str, base: Base, folder: Path) -> str:
    for library, version in OTHER.items():
        pin = _pin(library)
        if pin.search(lock):
            lock = pin.sub(
                f"{library}=={version} \\\\\n    --hash={_hash(base, library, folder)}", lock
            )
    return lock


def _pin(library: str) -> re.Pattern[str]:
    """The lines of a lock that name a library."""
    return re.compile(rf"^{library}==.*(?:\n    --hash=.*)+", re.M)


def _hash(base: Base, library: str, folder: Path) -> str:
    wanted = f"{library}=={OTHER[library]}"
    pip = (sys.executable, "-m", "pip")
    for_base = ("--only-binary=:all:", "--python-version", base.python, "--dest", folder)
    run(*pip, "download", "--quiet", "--no-deps", *for_base, wanted).went_well()
    (wheel,) = folder.glob(f"{library.replace('-', '_')}-*.whl")
    return run(*pip, "hash", wheel).went_well().out.splitlines()[-1].removeprefix("--hash=")
