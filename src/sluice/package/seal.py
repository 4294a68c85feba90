"""Write the assembled parts to one archive: the same content and commit give the same bytes."""

from __future__ import annotations

from pathlib import Path

from sluice import files, gates, git
from sluice.errors import SluiceError
from sluice.files import sha256
from sluice.package import code
from sluice.package.archive import archive, version
from sluice.package.assemble import refuse_unless_passed
from sluice.package.manifest import FORMAT, Manifest, Source, describe, digest, require_parts
from sluice.package.parts import DATA_POINTER, DVC_LOCK, DVC_PIPELINE
from sluice.project import Project

# A stage of DVC cannot depend on DVC's own files, so these are added to the other parts here.
_DVC_FILES = {
    "dvc.yaml": DVC_PIPELINE,
    "dvc.lock": DVC_LOCK,
    "data.dvc": DATA_POINTER,
}


def run(project: Project) -> Path:
    """Write `dist/<name>-<version>.tar` from `out/package/`; returns its path.

    Raises SluiceError if a gate does not pass, or if the project is not a git repository.
    """
    refuse_unless_passed(gates.collect(project))
    contents = _contents(project)
    parts = describe(contents)
    require_parts(parts, str(project.package))
    source = source_of(project.root)
    content = digest(parts)
    name = project.settings.name
    ran = code.own()
    if code.packaged({path: sha256(found) for path, found in contents.items()}) != ran:
        raise SluiceError(
            "src/sluice is not the code that ran the gates: install this checkout into the "
            "environment with 'uv pip install -e .', or run 'make package'"
        )
    manifest = Manifest(FORMAT, name, version(source, content), content, source, parts, ran)
    target = project.root / "dist" / f"{name}-{manifest.version}.tar"
    _write(target, archive(contents, manifest))
    return target


def newest(folder: Path) -> Path:
    """The newest package file in the folder; raises SluiceError if there is none."""
    packages = sorted(folder.glob("*.tar"), key=lambda path: path.stat().st_mtime)
    if not packages:
        raise SluiceError(f"{folder}/ contains no package: build one with 'make package'")
    return packages[-1]


def _contents(project: Project) -> dict[str, bytes]:
    folder = project.package
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    for name, place in _DVC_FILES.items():
        contents[place] = (project.root / name).read_bytes()
    return contents


def _write(target: Path, content: bytes) -> None:
    """Write the package; if it already exists, mark it as the newest."""
    if target.is_file() and target.read_bytes() == content:
        target.touch()
    else:
        files.write(target, content)


def source_of(root: Path) -> Source:
    """The commit that is checked out; raises SluiceError outside a git repository."""
    try:
        commit, seconds = git.head(root)
        return Source(commit, seconds, not git.changed(root))
    except SluiceError as error:
        raise SluiceError(f"the version of a package comes from git, but {error}") from None
