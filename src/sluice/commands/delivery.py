"""Deliver a package: assemble it with its evidence, and publish both as a pre-release."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.commands import REPOSITORY, VERSION, Commands, show


def add(commands: Commands) -> None:
    delivery = commands.group("delivery", "publish a package with its evidence as a pre-release")
    meaning = "copy a package and its evidence into one folder, and list every sha256"
    assemble = delivery.add("assemble", _assemble, meaning)
    assemble.add_argument("package", type=Path, help="the package file")
    image = "the pushed image of the package, as REGISTRY/NAME@sha256:…"
    assemble.add_argument("--image", required=True, metavar="REFERENCE", help=image)
    evidence = "a file of evidence, or a folder of such files; can be given several times"
    assemble.add_argument(
        "--evidence", type=Path, action="append", default=[], metavar="PATH", help=evidence
    )
    meaning = (
        "print the registry that images are pushed to; refuse a repository variable that differs"
    )
    place = delivery.add("place", _place, meaning)
    outputs = "append the line registry=… to this file, as an output of a workflow step"
    place.add_argument("--outputs", type=Path, metavar="FILE", help=outputs)
    meaning = "download the package of a delivered version, by the sha256 of its delivery.json"
    fetch = delivery.add("fetch", _fetch, meaning)
    fetch.add_argument("version", help=VERSION)
    digest = "the sha256 of delivery.json on the page to approve"
    fetch.add_argument("--approved", required=True, metavar="DIGEST", help=digest)
    into = Path("out/candidate")
    fetch.add_argument(
        "--out", type=Path, default=into, metavar="FOLDER", help=f"where to put it; default: {into}"
    )
    publish = delivery.add("publish", _publish, "make the assembled folder a pre-release on GitHub")
    for action in (assemble, publish):
        out = Path("out/delivery")
        action.add_argument(
            "--out",
            type=Path,
            default=out,
            metavar="FOLDER",
            help=f"the assembled folder; default: {out}",
        )
    for action in (fetch, publish):
        action.add_argument("--repo", metavar="OWNER/NAME", help=REPOSITORY)


def _assemble(options: argparse.Namespace) -> int:
    from sluice.delivery import assemble

    made = assemble.run(options.package, options.image, options.evidence, options.out)
    print(f"delivery: {options.out}, {made.title}, {len(made.files)} files")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from sluice.delivery import fetch

    fetch.run(options.repo, options.version, options.approved, options.out, show)
    return 0


def _place(options: argparse.Namespace) -> int:
    from sluice.delivery import place

    registry = place.require()
    if options.outputs:
        with options.outputs.open("a", encoding="utf-8") as stream:
            stream.write(f"registry={registry}\n")
    print(f"registry: {registry}")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from sluice.delivery import publish

    publish.run(options.repo, options.out, show)
    return 0
