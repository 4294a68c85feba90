"""`sluice delivery assemble`: put a package and its evidence into one folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from sluice import files
from sluice.delivery import contents, evidence, record
from sluice.delivery.record import NAME, Delivery
from sluice.errors import SluiceError


def run(package: Path, image: str, paths: Iterable[Path], folder: Path) -> Delivery:
    """Copy the package, and every file in `paths`, into `folder`, and write delivery.json.

    image: its reference by digest. paths: files, or folders that hold only files. Raises
    SluiceError for what must not be delivered, and then deletes `folder`.
    """
    files.clear_folder(folder, NAME)
    try:
        for path in [package, *_files(paths)]:
            _copy(path, folder)
        with contents.releasable(folder, package.name) as unpacked:
            manifest = unpacked.manifest
            evidence.require_reproducible(folder, package.name, unpacked)
        digests = {path.name: files.sha256_of_file(path) for path in sorted(folder.iterdir())}
        made = Delivery(
            manifest.name, manifest.version, manifest.source.commit, package.name, image, digests
        )
        content = record.encode(made)
        record.decode(content, NAME)
        files.write(folder / NAME, content)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    return found


def _copy(path: Path, folder: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise SluiceError(
            f"{path}: expected a plain file; a delivery holds no links and no folders"
        )
    if not record.is_file_name(path.name):
        raise SluiceError(
            f"{path}: this file name is not allowed in a delivery; use letters, digits, '.', '_' "
            "and "
            "'-', and begin with a letter or a digit"
        )
    if (folder / path.name).exists():
        raise SluiceError(f"{path}: the delivery already holds a file of this name; rename one")
    shutil.copyfile(path, folder / path.name)
