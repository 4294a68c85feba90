"""The software bill of materials of an image: of its package and everything installed in it.

The same image and package give the same bytes on every machine.
"""

from __future__ import annotations

from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from packageurl import PackageURL

from sluice.image import installed, labels
from sluice.image.installed import Installed
from sluice.package import bom, components
from sluice.package.archive import Package
from sluice.package.manifest import Manifest


def run(archive: Path, image: str, target: Path) -> Manifest:
    """Write the bill of materials of an image of a package file; returns the package's manifest.

    Raises SluiceError for an altered package, and for an image that was not built from it.
    """
    return bom.write(archive, target, lambda package, sha256: _bill(package, sha256, image))


def _bill(package: Package, archive_sha256: str, image: str) -> Bom:
    found = labels.require_image_of(image, package.manifest)
    content = installed.read(found.id)
    subject = _image(package.manifest, found.id)
    inner = components.of_package(package, archive_sha256)
    model = components.of_model(package)
    system = _system(content)
    libraries = _libraries(components.of_locks(package), content)
    bill = components.document(package.manifest, subject, found.id)
    bill.components.update([inner, model, *system, *libraries])
    bill.register_dependency(subject, [inner, *system])
    bill.register_dependency(inner, [model, *libraries])
    return bill


def _image(manifest: Manifest, image_id: str) -> Component:
    return Component(
        name=manifest.name,
        version=manifest.version,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        properties=components.properties(
            {"image:id": image_id, "package:digest": f"sha256:{manifest.digest}"},
        ),
    )


def _libraries(locked: list[Component], content: Installed) -> list[Component]:
    """The libraries: those that are installed as `required`, those for other platforms as
    `excluded`.
    """
    found = {str(component.purl): component for component in locked}
    for component in found.values():
        component.scope = ComponentScope.EXCLUDED
    for name, version in content.libraries:
        component = components.library(name, version)
        found.setdefault(str(component.purl), component).scope = ComponentScope.REQUIRED
    return list(found.values())


def _system(content: Installed) -> list[Component]:
    """Python and the packages of the distribution."""
    distribution = f"{content.system}-{content.release}".rstrip("-")
    urls = [
        PackageURL(
            "deb",
            namespace=content.system,
            name=package.name,
            version=package.version,
            qualifiers={"arch": package.architecture, "distro": distribution},
        )
        for package in content.packages
    ]
    python = PackageURL("generic", name="python", version=content.python)
    return [components.of_url(url) for url in (python, *urls)]
