"""Commands on the delivery package: build and verify it, and build and push its image."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import REFUSED, Commands, project, show
from sluice.commands.pipeline import add_run_options, reproduce, stage


def add(commands: Commands) -> None:
    package = commands.group("package", "build and verify the delivery package and its image")
    build = package.add("build", _build, "run the pipeline; if every gate passes, write a package")
    add_run_options(build)
    verify = package.add("verify", _verify, "check every byte of a package, and run its scenarios")
    verify.add_argument("file", type=Path, help="the package file")
    digest = "refuse a file with another sha256, before reading it"
    verify.add_argument("--sha256", metavar="DIGEST", help=digest)
    outputs = "append the line sha256=… to this file, as an output of a workflow step"
    verify.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    image = package.add("image", _image, "build the container image of a package, offline")
    image.add_argument("--tag", metavar="NAME", help="name of the image (default: NAME:VERSION)")
    image.add_argument("--fresh", action="store_true", help="reuse no layer of an earlier build")
    record = "write a record of the image's content, which is the same for every build of it"
    image.add_argument("--record", type=Path, metavar="FILE", help=record)
    wheels = package.add("wheels", _wheels, "download the wheels that the image needs")
    target = wheels.add_mutually_exclusive_group()
    python = "download for this Python version instead of that of the base image"
    target.add_argument("--python", metavar="X.Y", help=python)
    base = "base image (default: the one in image/base/Dockerfile)"
    for parser in (image, target):
        parser.add_argument("--base", metavar="IMAGE", help=base)
    for command in (image, wheels):
        newest = "the package file (default: the newest in dist/)"
        command.add_argument("file", type=Path, nargs="?", help=newest)
        folder = "folder of the wheels (default: out/wheels)"
        default = Path("out/wheels")
        command.add_argument("--wheels", type=Path, default=default, metavar="FOLDER", help=folder)
    push = package.add("push", _push, "push the image of a package to a registry")
    push.add_argument("image", help="name of an image that 'sluice package image' built")
    push.add_argument(
        "name", metavar="REGISTRY/NAME", help="where to push it, such as ghcr.io/owner/name"
    )
    outputs = "append image, name and digest to this file, as outputs of a workflow step"
    push.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    bom = package.add("bom", _bom, "write the bill of materials of a package, or of its image")
    bom.add_argument("file", type=Path, help="the package file")
    of_image = "describe this image of the package, including everything installed in it"
    bom.add_argument("--image", help=of_image)
    bom.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the CycloneDX JSON to write"
    )
    assemble = "assemble the package's parts in out/package (a stage of the pipeline)"
    package.add("assemble", stage("package", "sluice.package.assemble"), assemble)


def _build(options: argparse.Namespace) -> int:
    from sluice.package import seal

    if not reproduce(options):
        return REFUSED
    print(f"package: {seal.run(project())}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from sluice.package import code, verify

    named = options.sha256 or options.outputs
    digest = verify.require_digest(options.file, options.sha256) if named else ""
    manifest, verdict, confined = verify.run(options.file)
    show(f"{manifest.title}: all {len(manifest.files)} files match the manifest")
    if manifest.sluice != code.own():
        show(
            "another version of sluice built this package, so the verdicts in it were not compared "
            "with its params.yaml; to compare them, use the version of sluice at the package's "
            "commit"
        )
    if not confined:
        show("this package was built with --unconfined, so it cannot be delivered or released")
    show(f"scenarios: {verdict.status.value}: {verdict.why}")
    if verdict.passes and options.outputs:
        with options.outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"sha256={digest}\n")
    return 0 if verdict.passes else REFUSED


def _image(options: argparse.Namespace) -> int:
    from sluice import files
    from sluice.image import build, record

    file = _file(options)
    tag, manifest = build.run(
        file, options.base, options.wheels, options.tag, print, fresh=options.fresh
    )
    if options.record:
        files.write(options.record, record.encode(record.read(tag)))
    print(f"image: {tag}, built from {file} (package digest sha256:{manifest.digest})")
    return 0


def _wheels(options: argparse.Namespace) -> int:
    from sluice.image import base, wheels

    file = _file(options)
    python = options.python or base.choose(options.base).python
    wheels.download(file, options.wheels, python)
    print(f"wheels of {file} for Python {python}: {options.wheels}")
    return 0


def _file(options: argparse.Namespace) -> Path:
    from sluice.package import seal

    file: Path = options.file or seal.newest(Path("dist"))
    return file


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
    if options.image:
        from sluice.image import bom as image_bom

        manifest = image_bom.run(options.file, options.image, options.out)
        subject = f"{options.image}, an image of {manifest.title}"
    else:
        from sluice.package import bom

        manifest = bom.run(options.file, options.out)
        subject = manifest.title
    print(f"bill of materials of {subject}: {options.out}")
    return 0
