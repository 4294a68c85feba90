"""The command line: one command a capability, and what a person reads when it fails."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import __version__
from sluice.errors import SluiceError
from sluice.github import SECTIONS, SETTINGS
from sluice.serve import settings as serving
from sluice.serve.batch import BATCH_ROWS

if TYPE_CHECKING:
    from sluice.project import Project
    from sluice.serve.batch.run import Result

REFUSED, TROUBLE, INTERRUPTED = 1, 2, 130

Command = Callable[[argparse.Namespace], int]

# Sums must come out in one order on every machine, whatever its number of cores.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.debug:
        os.environ["SLUICE_DEBUG"] = "1"
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        return _say("interrupted; run it again to go on from the last finished stage", INTERRUPTED)
    except Exception as error:
        if os.environ.get("SLUICE_DEBUG"):
            raise
        return _say(_in_words(error), TROUBLE)


def _in_words(error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, (SluiceError, OSError)):
        return said
    return f"{type(error).__name__}: {said} (unexpected; --debug shows where)"


def _say(line: str, status: int) -> int:
    sys.stderr.write(f"sluice: {line}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "sluice", description="From versioned data to a delivery package, through gates that gate."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show traces of errors")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(name: str, command: Command, meaning: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=meaning, description=meaning)
        added.set_defaults(command=command)
        return added

    run = add("run", _run, "reproduce the pipeline with all gates, and write the report")
    run.add_argument("--base", type=Path, help="report.json to show changes against")

    package = commands.add_parser("package", help="build or verify the delivery package")
    actions = package.add_subparsers(required=True, metavar="ACTION")
    build = actions.add_parser("build", help="run, and seal the package if every gate passes")
    build.add_argument("--base", type=Path, help="report.json to show changes against")
    build.set_defaults(command=_package_build)
    verify = actions.add_parser(
        "verify", help="check every byte of a package and run its scenarios"
    )
    verify.add_argument("file", type=Path)
    verify.set_defaults(command=_package_verify)
    _add_image(actions)
    assemble = actions.add_parser("assemble", help="the stage before: put the parts together")
    assemble.set_defaults(command=_stage("sluice.package.assemble"))

    adopt = add("adopt", _adopt, "replace the example by your own data")
    adopt.add_argument("file", type=Path, help="a CSV or Parquet file")
    adopt.add_argument("--target", required=True, metavar="COLUMN", help="what to predict")
    adopt.add_argument("--id", metavar="COLUMN", help="what names a row")
    adopt.add_argument(
        "--sensitive",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to audit for fairness; may be given again",
    )

    serve = add("serve", _serve, "score requests over HTTP from a package")
    serve.add_argument("package", type=Path, help="a package file, or the folder it is unpacked in")
    serving.add_arguments(serve)

    log = commands.add_parser("log", help="the scoring log: show it, or turn it into Parquet")
    looks = log.add_subparsers(required=True, metavar="ACTION")
    for name, command, meaning in (
        ("show", _log_show, "print every record as a line of JSON"),
        ("compact", _log_compact, "turn segments that have no writer into Parquet"),
    ):
        look = looks.add_parser(name, help=meaning, description=meaning)
        look.add_argument("folder", type=Path)
        look.set_defaults(command=command)

    score = add("score", _score, "score files with a package, in batches")
    score.add_argument(
        "package", type=Path, help="a package file, or the folder it was unpacked to"
    )
    score.add_argument("input", help="a Parquet, CSV or Arrow file, a folder of them, or a glob")
    score.add_argument("output", type=Path, help="a Parquet file; with Spark a folder of them")
    score.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column to carry over to the output; may be given again",
    )
    score.add_argument(
        "--quarantine",
        type=Path,
        help="where refused rows go (OUTPUT's stem + .quarantine.parquet)",
    )
    score.add_argument("--engine", choices=["local", "spark"], default="local")
    score.add_argument("--master", metavar="URL", help="Spark's master, such as spark://host:7077")
    score.add_argument("--batch-rows", type=_positive, default=BATCH_ROWS, metavar="N")

    _add_github(commands)

    check = add("check", _check, "one gate of the pipeline")
    check.add_argument("gate")
    add("split", _stage("sluice.build.split"), "one stage: train, validation, holdout, latest")
    train = add("train", _stage("sluice.build.train", "name"), "one stage: fit a candidate")
    train.add_argument("name", metavar="CANDIDATE")
    add("select", _stage("sluice.build.select"), "one stage: choose the candidate")
    add("export", _stage("sluice.build.export"), "one stage: write the executable model")
    return parser


def _add_image(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    image = actions.add_parser("image", help="build a container image, with no network")
    image.add_argument("--base", required=True, metavar="IMAGE", help="pinned by its digest")
    image.add_argument("--tag", metavar="NAME", help="the image's name (NAME:VERSION)")
    image.set_defaults(command=_package_image)
    wheels = actions.add_parser("wheels", help="fetch the wheels that its image needs")
    own = ".".join(map(str, sys.version_info[:2]))
    wheels.add_argument("--python", default=own, metavar="X.Y", help=f"the base's Python ({own})")
    wheels.set_defaults(command=_package_wheels)
    for action in (image, wheels):
        action.add_argument("file", type=Path, nargs="?", help="(the newest in dist/)")
        action.add_argument("--wheels", type=Path, default=Path("out/wheels"), metavar="FOLDER")


def _add_github(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    github = commands.add_parser("github", help="set up the repository on GitHub, or check it")
    actions = github.add_subparsers(required=True, metavar="ACTION")
    meaning = f"make the repository what {SETTINGS}/ says"
    setup = actions.add_parser("setup", help=meaning, description=meaning)
    setup.add_argument("--dry-run", action="store_true", help="only show what would change")
    setup.add_argument(
        "--reviewer",
        action="append",
        default=[],
        metavar="LOGIN",
        help="who approves releases, where the files name nobody; may be given again",
    )
    setup.set_defaults(command=_github_setup)
    meaning = f"compare the repository with {SETTINGS}/"
    doctor = actions.add_parser("doctor", help=meaning, description=meaning)
    doctor.add_argument(
        "--only",
        action="append",
        choices=SECTIONS,
        help="compare this alone, such as what a workflow's token may read; may be given again",
    )
    doctor.set_defaults(command=_github_doctor)
    for action in (setup, doctor):
        action.add_argument("--repo", metavar="OWNER/NAME", help="(git's origin)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _project() -> Project:
    from sluice.project import Project

    return Project(Path())


def _stage(module: str, *names: str) -> Command:
    """A stage that DVC runs; what stops it is left for the report to name."""

    def command(options: argparse.Namespace) -> int:
        project = _project()
        given = [getattr(options, name) for name in names]
        try:
            importlib.import_module(module).run(project, *given)
        except Exception as error:
            project.out.mkdir(exist_ok=True)
            with project.trouble.open("a", encoding="utf-8") as trouble:
                trouble.write(f"{module.rpartition('.')[2]}: {_in_words(error)}\n")
            raise
        return 0

    return command


def _check(options: argparse.Namespace) -> int:
    from sluice.check import gate

    if options.gate not in gate.GATES:
        raise SluiceError(f"no gate {options.gate!r}; there are {', '.join(gate.GATES)}")
    verdict = gate.run(_project(), options.gate)
    print(f"{verdict.gate}: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _run(options: argparse.Namespace) -> int:
    from sluice import pipeline

    return _conclude(pipeline.run(_project(), options.base))


def _package_build(options: argparse.Namespace) -> int:
    from sluice import pipeline
    from sluice.package import seal

    project = _project()
    if not pipeline.run(project, options.base):
        return _conclude(False)
    print(f"package: {seal.run(project)}")
    return _conclude(True)


def _conclude(releasable: bool) -> int:
    """Say what the gates said, and where to read on."""
    from sluice.check import gate

    project = _project()
    print()
    for verdict in gate.collect(project):
        print(f"  {verdict.status.value:<13} {verdict.gate}: {verdict.why}")
    print(f"\nreport: {project.report / 'report.html'}")
    if releasable:
        return 0
    return _say("refused: no package; the report says why", REFUSED)


def _package_verify(options: argparse.Namespace) -> int:
    from sluice.package import verify

    manifest, verdict = verify.run(options.file)
    print(f"{manifest.name} {manifest.version}, {len(manifest.files)} files, each as sealed")
    print(f"scenarios: {verdict.status.value}: {verdict.why}")
    return 0 if verdict.passes else REFUSED


def _package_image(options: argparse.Namespace) -> int:
    from sluice.package import image

    file = options.file or image.newest(Path("dist"))
    tag, manifest = image.run(file, options.base, options.wheels, options.tag, print)
    print(f"image: {tag}, of {file}, digest sha256:{manifest.digest}")
    return 0


def _package_wheels(options: argparse.Namespace) -> int:
    from sluice.package import image, wheels

    file = options.file or image.newest(Path("dist"))
    wheels.fetch(file, options.wheels, options.python)
    print(f"wheels of {file} for Python {options.python}: {options.wheels}")
    return 0


def _github_setup(options: argparse.Namespace) -> int:
    from sluice.github import setup

    setup.run(options.repo, SETTINGS, options.reviewer, dry_run=options.dry_run, say=print)
    return 0


def _github_doctor(options: argparse.Namespace) -> int:
    from sluice.github import doctor

    if doctor.run(options.repo, SETTINGS, options.only or SECTIONS, print):
        print("the repository is as the files say")
        return 0
    return _say(f"refused: the repository is not as {SETTINGS}/ says", REFUSED)


def _serve(options: argparse.Namespace) -> int:
    from sluice.serve.supervisor import serve

    serve(
        options.package, serving.from_arguments(options), lambda line: print(line, file=sys.stderr)
    )
    return 0


def _log_show(options: argparse.Namespace) -> int:
    import msgspec

    from sluice.serve.log.read import read

    for record in read(options.folder):
        sys.stdout.buffer.write(msgspec.json.encode(record) + b"\n")
    return 0


def _log_compact(options: argparse.Namespace) -> int:
    from sluice.serve.log.compact import compact

    for path in compact(options.folder):
        print(path)
    return 0


def _score(options: argparse.Namespace) -> int:
    given = {
        "keep": options.keep,
        "quarantine": options.quarantine,
        "batch_rows": options.batch_rows,
    }
    if options.engine == "local" and options.master:
        raise SluiceError("--master goes with --engine spark")
    if options.engine == "spark":
        from sluice.serve.batch import spark

        given["master"] = options.master
        run: Callable[..., Result] = spark.run
    else:
        from sluice.serve.batch import run as local

        run = local.run
    try:
        result = run(options.package, options.input, options.output, **given)
    except KeyboardInterrupt:
        return _say("interrupted; nothing was written", INTERRUPTED)
    if result.refused:
        return _say(
            f"{result.refused:,} of {result.rows:,} rows refused; "
            f"{result.quarantine} holds each with its reason",
            REFUSED,
        )
    print(f"{result.rows:,} rows scored: {options.output}")
    return 0


def _adopt(options: argparse.Namespace) -> int:
    from sluice.adopt import adopt

    adopt(
        Path(),
        options.file,
        target=options.target,
        id=options.id,
        sensitive=options.sensitive,
        say=print,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
