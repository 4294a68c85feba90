"""The delivery package: build, verify, list what is in it; make an image of it, and push that."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import REFUSED, Commands, project, show
from sluice.commands.pipeline import add_beside, reproduce, stage


def add(commands: Commands) -> None:
    package = commands.group("package", "build or verify the delivery package, or its image")
    build = package.add("build", _build, "run, and seal the package if every gate passes")
    add_beside(build)
    meaning = "check every byte of a package and run its scenarios"
    verify = package.add("verify", _verify, meaning)
    verify.add_argument("file", type=Path)
    image = package.add("image", _image, "build a container image, with no network")
    image.add_argument("--tag", metavar="NAME", help="the image's name (NAME:VERSION)")
    image.add_argument("--fresh", action="store_true", help="use no layer of an earlier build")
    image.add_argument("--record", type=Path, metavar="FILE", help="write what the image is, here")
    wheels = package.add("wheels", _wheels, "fetch the wheels that its image needs")
    target = wheels.add_mutually_exclusive_group()
    target.add_argument("--python", metavar="X.Y", help="for this Python; no base is asked")
    for where in (image, target):
        where.add_argument("--base", metavar="IMAGE", help="(the one in image/base/Dockerfile)")
    for action in (image, wheels):
        action.add_argument("file", type=Path, nargs="?", help="(the newest in dist/)")
        action.add_argument("--wheels", type=Path, default=Path("out/wheels"), metavar="FOLDER")
    push = package.add("push", _push, "push an image, and say its digest in the registry")
    push.add_argument("image", help="a package's image on this engine")
    push.add_argument("name", metavar="REGISTRY/NAME", help="where to, such as ghcr.io/owner/name")
    outputs = "append image, name and digest to this file, as outputs of a step"
    push.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    bom = package.add("bom", _bom, "write a package's or an image's software bill of materials")
    bom.add_argument("file", type=Path)
    bom.add_argument("--image", help="of this image of the package, with all that is in it")
    bom.add_argument("--out", type=Path, required=True, metavar="FILE", help="CycloneDX JSON")
    assemble = "the stage before: put the parts together"
    package.add("assemble", stage("sluice.package.assemble"), assemble)


def _build(options: argparse.Namespace) -> int:
    from sluice.package import seal

    if not reproduce(options):
        return REFUSED
    print(f"package: {seal.run(project())}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from sluice.package import verify

    manifest, verdict = verify.run(options.file)
    show(f"{manifest.name} {manifest.version}, {len(manifest.files)} files, each as sealed")
    show(f"scenarios: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _image(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.image import build as image
    from sluice.package import identity

    file = options.file or image.newest(Path("dist"))
    tag, manifest = image.run(
        file, options.base, options.wheels, options.tag, print, fresh=options.fresh
    )
    if options.record:
        files.write(options.record, identity.encode(identity.identify(tag)))
    print(f"image: {tag}, of {file}, digest sha256:{manifest.digest}")
    return 0


def _wheels(options: argparse.Namespace) -> int:
    from sluice.image import base, wheels
    from sluice.image import build as image

    file = options.file or image.newest(Path("dist"))
    python = options.python or base.settle(options.base).python
    wheels.fetch(file, options.wheels, python)
    print(f"wheels of {file} for Python {python}: {options.wheels}")
    return 0


def _push(options: argparse.Namespace) -> int:
    from sluice.image import push

    reference = push.run(options.image, options.name)
    if options.outputs:
        name, _, digest = reference.partition("@")
        with options.outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"image={reference}\nname={name}\ndigest={digest}\n")
    print(f"pushed: {reference}")
    return 0


def _bom(options: argparse.Namespace) -> int:
    from sluice.package import bom

    manifest = bom.run(options.file, options.image, options.out)
    of = f"{options.image}, of " if options.image else ""
    print(f"bill of materials of {of}{manifest.name} {manifest.version}: {options.out}")
    return 0
