"""The delivery package: build, verify, and make an image of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sluice.commands import REFUSED, Commands, project
from sluice.commands.pipeline import conclude, stage


def add(commands: Commands) -> None:
    package = commands.group("package", "build or verify the delivery package, or its image")
    build = package.add("build", _build, "run, and seal the package if every gate passes")
    build.add_argument("--base", type=Path, help="report.json to show changes against")
    meaning = "check every byte of a package and run its scenarios"
    verify = package.add("verify", _verify, meaning)
    verify.add_argument("file", type=Path)
    image = package.add("image", _image, "build a container image, with no network")
    image.add_argument("--base", required=True, metavar="IMAGE", help="pinned by its digest")
    image.add_argument("--tag", metavar="NAME", help="the image's name (NAME:VERSION)")
    wheels = package.add("wheels", _wheels, "fetch the wheels that its image needs")
    own = ".".join(map(str, sys.version_info[:2]))
    wheels.add_argument("--python", default=own, metavar="X.Y", help=f"the base's Python ({own})")
    for action in (image, wheels):
        action.add_argument("file", type=Path, nargs="?", help="(the newest in dist/)")
        action.add_argument("--wheels", type=Path, default=Path("out/wheels"), metavar="FOLDER")
    assemble = "the stage before: put the parts together"
    package.add("assemble", stage("sluice.package.assemble"), assemble)


def _build(options: argparse.Namespace) -> int:
    from sluice import pipeline
    from sluice.package import seal

    if not pipeline.run(project(), options.base):
        return conclude(False)
    print(f"package: {seal.run(project())}")
    return conclude(True)


def _verify(options: argparse.Namespace) -> int:
    from sluice.package import verify

    manifest, verdict = verify.run(options.file)
    print(f"{manifest.name} {manifest.version}, {len(manifest.files)} files, each as sealed")
    print(f"scenarios: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _image(options: argparse.Namespace) -> int:
    from sluice.package import image

    file = options.file or image.newest(Path("dist"))
    tag, manifest = image.run(file, options.base, options.wheels, options.tag, print)
    print(f"image: {tag}, of {file}, digest sha256:{manifest.digest}")
    return 0


def _wheels(options: argparse.Namespace) -> int:
    from sluice.package import image, wheels

    file = options.file or image.newest(Path("dist"))
    wheels.fetch(file, options.wheels, options.python)
    print(f"wheels of {file} for Python {options.python}: {options.wheels}")
    return 0
