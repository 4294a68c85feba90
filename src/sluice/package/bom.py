"""The software bill of materials, in CycloneDX: of a package, or of an image of it.

Equal inputs give equal bytes: nothing in it is random, and its time is the commit's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import NAMESPACE_URL, uuid5

import msgspec
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from sluice import __version__, files
from sluice.errors import SluiceError
from sluice.image import installed
from sluice.image.build import DIGEST
from sluice.image.installed import Installed
from sluice.image.wheels import LOCKS
from sluice.package import lock
from sluice.package.archive import Package, unpack
from sluice.package.identity import inspected
from sluice.package.manifest import Manifest


class _File(msgspec.Struct, frozen=True):
    path: str
    md5: str


class _Split(msgspec.Struct, frozen=True):
    md5: str
    rows: int


class _Data(msgspec.Struct, frozen=True):
    """The part of `data/data.json` that says what the model was trained on."""

    file: _File
    splits: dict[str, _Split]


def run(archive: Path, image: str | None, target: Path) -> Manifest:
    """Write the bill of materials of a package that is whole; returns the package's manifest."""
    with TemporaryDirectory(prefix="sluice-") as scratch:
        package = Package(Path(scratch), unpack(archive, Path(scratch)))
        sealed = files.sha256_of_file(archive)
        bom = of_image(package, sealed, image) if image else of_package(package, sealed)
    files.write(target, JsonV1Dot6(bom).output_as_string(indent=2).encode() + b"\n")
    return package.manifest


def of_package(package: Package, sealed: str) -> Bom:
    """`sealed` is the sha256 of the archive."""
    subject, model = _package(package, sealed), _model(package)
    libraries = _libraries(package)
    bom = _bom(package.manifest, subject, package.manifest.digest)
    bom.components.update([model, *libraries])
    bom.register_dependency(subject, [model, *libraries])
    return bom


def of_image(package: Package, sealed: str, image: str) -> Bom:
    """Raises SluiceError for an image of another package."""
    known = inspected(image)
    held = known["Config"]["Labels"][DIGEST]
    if held != f"sha256:{package.manifest.digest}":
        raise SluiceError(f"{image}: holds {held}, expected sha256:{package.manifest.digest}")
    there = installed.read(image)
    subject = _container(package.manifest, known["Id"])
    inner, model = _package(package, sealed), _model(package)
    system, libraries = _system(there), _installed(_libraries(package), there)
    bom = _bom(package.manifest, subject, known["Id"])
    bom.components.update([inner, model, *system, *libraries])
    bom.register_dependency(subject, [inner, *system])
    bom.register_dependency(inner, [model, *libraries])
    return bom


def _bom(manifest: Manifest, subject: Component, digest: str) -> Bom:
    made = datetime.fromtimestamp(manifest.source.time, UTC)
    tool = Component(name="sluice", version=__version__, type=ComponentType.APPLICATION)
    metadata = BomMetaData(
        component=subject, timestamp=made, tools=ToolRepository(components=[tool])
    )
    return Bom(serial_number=uuid5(NAMESPACE_URL, f"sluice:{digest}"), metadata=metadata)


def _package(package: Package, sealed: str) -> Component:
    """The package, with each of its files by digest."""
    manifest = package.manifest
    parts = [
        Component(
            name=file.path,
            type=ComponentType.FILE,
            bom_ref=f"file:{file.path}",
            hashes=[_sha256(file.sha256)],
        )
        for file in manifest.files.values()
    ]
    return Component(
        name=manifest.name,
        version=manifest.version,
        type=ComponentType.APPLICATION,
        bom_ref="package",
        purl=PackageURL("generic", name=manifest.name, version=manifest.version),
        hashes=[_sha256(sealed)],
        properties=_properties(
            {
                "package:digest": f"sha256:{manifest.digest}",
                "source:commit": manifest.source.commit,
                "source:clean": str(manifest.source.clean).lower(),
            }
        ),
        components=parts,
    )


def _model(package: Package) -> Component:
    where = "data/data.json"
    try:
        data = msgspec.json.decode((package.folder / where).read_bytes(), type=_Data)
        train = data.splits["train"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
        raise SluiceError(f"{where}: does not say what the model was trained on: {error}") from None
    return Component(
        name=f"{package.manifest.name}-model",
        version=package.manifest.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[_sha256(package.manifest.files["model/model.onnx"].sha256)],
        properties=_properties(
            {
                "data:file": data.file.path,
                "data:md5": data.file.md5,
                "data:train:md5": train.md5,
                "data:train:rows": str(train.rows),
            }
        ),
    )


def _libraries(package: Package) -> list[Component]:
    """What the locks of the serving side name: one component a version, whatever lock it is in."""
    found: dict[str, Component] = {}
    for path in LOCKS:
        for pin in lock.pins(_text(package, path), path):
            library = _library(pin.name, pin.version)
            library = found.setdefault(str(library.purl), library)
            library.hashes.update(map(_sha256, pin.sha256))
            library.properties.update(_properties({"lock": path}))
            if pin.marker:
                library.properties.update(_properties({"lock:marker": pin.marker}))
    return list(found.values())


def _text(package: Package, path: str) -> str:
    try:
        return (package.folder / path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SluiceError(f"{path}: not a lock: {error}") from None


def _installed(locked: list[Component], there: Installed) -> list[Component]:
    """The libraries in the image, and those that are locked for another Python or platform."""
    found = {str(each.purl): each for each in locked}
    for each in found.values():
        each.scope = ComponentScope.EXCLUDED
    for name, version in there.libraries:
        library = _library(name, version)
        found.setdefault(str(library.purl), library).scope = ComponentScope.REQUIRED
    return list(found.values())


def _library(name: str, version: str) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=purl.name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
    )


def _container(manifest: Manifest, image: str) -> Component:
    return Component(
        name=manifest.name,
        version=manifest.version,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        properties=_properties(
            {"image:id": image, "package:digest": f"sha256:{manifest.digest}"},
        ),
    )


def _system(there: Installed) -> list[Component]:
    python = PackageURL("generic", name="python", version=there.python)
    distro = f"{there.system}-{there.release}".rstrip("-")
    return [
        _of_system(python),
        *(
            _of_system(
                PackageURL(
                    "deb",
                    namespace=there.system,
                    name=package.name,
                    version=package.version,
                    qualifiers={"arch": package.architecture, "distro": distro},
                )
            )
            for package in there.packages
        ),
    ]


def _of_system(purl: PackageURL) -> Component:
    return Component(
        name=purl.name,
        version=purl.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
    )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _properties(values: dict[str, str]) -> Iterable[Property]:
    return [Property(name=f"sluice:{name}", value=value) for name, value in values.items()]
