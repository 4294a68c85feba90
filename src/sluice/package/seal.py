"""One archive from the assembled parts: equal bytes for equal content and commit."""

from __future__ import annotations

from pathlib import Path

from sluice import files, gates, git
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
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    for name, place in _DVC_FILES.items():
        contents[place] = (project.root / name).read_bytes()
    return contents


def _write(target: Path, content: bytes) -> None:
    """One that is there already becomes the newest again."""
    if target.is_file() and target.read_bytes() == content:
        target.touch()
    else:
        files.write(target, content)


def source_of(root: Path) -> Source:
    """The commit that is checked out; raises SluiceError outside a git work tree."""
    try:
        commit, seconds = git.head(root)
        return Source(commit, seconds, not git.changed(root))
    except SluiceError as error:
        raise SluiceError(f"the version of a package comes from git, but {error}") from None
