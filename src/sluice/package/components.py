"""The components of a bill of materials that come from a package: itself, its model, its locks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from packageurl import PackageURL

from sluice import __version__
from sluice.package import lock, parts
from sluice.package.archive import Package
from sluice.package.manifest import Manifest


def document(manifest: Manifest, subject: Component, digest: str) -> Bom:
    """An empty bill of materials of `subject`, whose content is identified by `digest`.

    Equal arguments give an equal document: its time is the commit's, its serial number is derived
    from the digest.
    """
    tool = Component(name="sluice", version=__version__, type=ComponentType.APPLICATION)
    metadata = BomMetaData(
        component=subject,
        timestamp=datetime.fromtimestamp(manifest.source.time, UTC),
        tools=ToolRepository(components=[tool]),
    )
    return Bom(serial_number=uuid5(NAMESPACE_URL, f"sluice:{digest}"), metadata=metadata)


def of_package(package: Package, archive_sha256: str) -> Component:
    """The package, with each of its files by digest."""
    manifest = package.manifest
    files = [
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
        hashes=[_sha256(archive_sha256)],
        properties=properties(
            {
                "package:digest": f"sha256:{manifest.digest}",
                "source:commit": manifest.source.commit,
                "source:clean": str(manifest.source.clean).lower(),
            }
        ),
        components=files,
    )


def of_model(package: Package) -> Component:
    """The model, with the data that it was trained on."""
    data = package.data
    train = data.splits["train"]
    return Component(
        name=f"{package.manifest.name}-model",
        version=package.manifest.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[_sha256(package.manifest.files[parts.MODEL].sha256)],
        properties=properties(
            {
                "data:file": data.file.path,
                "data:md5": data.file.md5,
                "data:train:md5": train.md5,
                "data:train:rows": str(train.rows),
            }
        ),
    )


def of_locks(package: Package) -> list[Component]:
    """The libraries of the serving locks: one component for each version."""
    found: dict[str, Component] = {}
    for path, text in package.serving_locks.items():
        for pin in lock.pins(text, path):
            component = library(pin.name, pin.version)
            component = found.setdefault(str(component.purl), component)
            component.hashes.update(map(_sha256, pin.sha256))
            component.properties.update(properties({"lock": path}))
            if pin.marker:
                component.properties.update(properties({"lock:marker": pin.marker}))
    return list(found.values())


def library(name: str, version: str) -> Component:
    """A library from the Python Package Index."""
    return of_url(PackageURL("pypi", name=name, version=version))


def of_url(url: PackageURL) -> Component:
    """A library that its package URL describes completely."""
    return Component(
        name=url.name,
        version=url.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(url),
        purl=url,
    )


def properties(values: Mapping[str, str]) -> Iterable[Property]:
    """Properties in the namespace `sluice:`."""
    return [Property(name=f"sluice:{name}", value=value) for name, value in values.items()]


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)
