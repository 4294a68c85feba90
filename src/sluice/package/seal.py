"""One archive from the assembled parts: equal bytes for equal content and commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sluice import files as whole
from sluice import gates
from sluice.errors import SluiceError
from sluice.package.archive import archive, version
from sluice.package.assemble import refuse_unless_passed
from sluice.package.manifest import FORMAT, Manifest, Source, describe, digest, require_parts
from sluice.project import Project

# DVC's own files cannot be dependencies of a stage, so they join the parts here.
_DVC_FILES = {
    "dvc.yaml": "configuration/dvc.yaml",
    "dvc.lock": "configuration/dvc.lock",
    "data.dvc": "data/data.dvc",
}


def run(project: Project) -> Path:
    """Write `dist/<name>-<version>.tar` from `out/package/`; returns its path.

    The archive is a plain tar: compressors differ between machines.
    """
    refuse_unless_passed(gates.collect(project))
    contents = _contents(project)
    parts = describe(contents)
    require_parts(parts, str(project.package))
    source = source_of(project.root)
    said = digest(parts)
    name = project.settings.name
    manifest = Manifest(FORMAT, name, version(source, said), said, source, parts)
    target = project.root / "dist" / f"{name}-{manifest.version}.tar"
    _write(target, archive(contents, manifest))
    return target


def _contents(project: Project) -> dict[str, bytes]:
    folder = project.package
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    for name, place in _DVC_FILES.items():
        contents[place] = (project.root / name).read_bytes()
    return contents


def _write(target: Path, content: bytes) -> None:
    """One that is there already becomes the newest again."""
    if target.is_file() and target.read_bytes() == content:
        target.touch()
    else:
        whole.write(target, content)


def source_of(root: Path) -> Source:
    """The commit that is checked out; raises SluiceError outside a git work tree."""
    commit, seconds = _git(root, "log", "-1", "--format=%H %ct").split()
    return Source(commit, int(seconds), not _git(root, "status", "--porcelain"))


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise SluiceError("git is not installed: a package's version comes from git") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()[-1]
        raise SluiceError(
            f"a package's version comes from git, which says: {said}; "
            "commit the project first ('git init', 'git add', 'git commit')"
        ) from None
    return done.stdout.strip()
