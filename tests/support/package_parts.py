"""Packages taken apart, changed and sealed again."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.package.archive import archive, version
from sluice.package.manifest import MANIFEST, Manifest, decode, describe, digest, encode

Contents = dict[str, bytes]


@dataclass
class Package:
    """The parts of a package; `seal` makes a manifest that fits them."""

    contents: Contents
    manifest: Manifest

    @classmethod
    def read(cls, file: Path) -> Package:
        with tarfile.open(file, "r:") as tar:
            contents = {member.name: tar.extractfile(member).read() for member in tar}
        manifest = decode(contents.pop(MANIFEST), str(file))
        return cls(contents, manifest)

    def seal(self) -> bytes:
        parts = describe(self.contents)
        whole = digest(parts)
        manifest = msgspec.structs.replace(
            self.manifest, parts=parts, digest=whole, version=version(self.manifest.source, whole)
        )
        return archive(self.contents, manifest)

    def members(self) -> list[tuple[tarfile.TarInfo, bytes]]:
        """What stands in the archive as it was sealed, to be changed behind the manifest's back."""
        named = [(MANIFEST, encode(self.manifest)), *sorted(self.contents.items())]
        made = []
        for name, content in named:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.append((info, content))
        return made


def pack(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()
