"""Take a package apart, change its files, and seal it again."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sluice.package import parts
from sluice.package.archive import archive, version
from sluice.package.manifest import MANIFEST, Manifest, decode, describe, digest, encode

Contents = dict[str, bytes]


@dataclass
class Package:
    """The files of a package by path; `seal` makes a manifest that matches them."""

    contents: Contents
    manifest: Manifest

    @classmethod
    def read(cls, file: Path) -> Package:
        with tarfile.open(file, "r:") as tar:
            contents = {member.name: tar.extractfile(member).read() for member in tar}
        manifest = decode(contents.pop(MANIFEST), str(file))
        return cls(contents, manifest)

    def replace(self, place: str, content: bytes) -> None:
        """Replace a file and its MD5 in dvc.lock, as a run with this file would have left them."""
        before, self.contents[place] = self.contents[place], content
        lock = self.contents[parts.DVC_LOCK]
        self.contents[parts.DVC_LOCK] = lock.replace(_md5(before), _md5(content))

    def seal(self) -> bytes:
        described = describe(self.contents)
        content = digest(described)
        manifest = msgspec.structs.replace(
            self.manifest,
            parts=described,
            digest=content,
            version=version(self.manifest.source, content),
        )
        return archive(self.contents, manifest)

    def members(self) -> list[tuple[tarfile.TarInfo, bytes]]:
        """The members of the archive, to be changed without changing the manifest."""
        named = [(MANIFEST, encode(self.manifest)), *sorted(self.contents.items())]
        made = []
        for name, content in named:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.append((info, content))
        return made


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).hexdigest().encode()


def pack(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return out.getvalue()
