"""A copy of a package whose model gives wrong scores, quickly and without any error."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec.structs import replace

from sluice.package.archive import Package, version
from sluice.package.manifest import MANIFEST, describe, digest, encode
from sluice.package.parts import MODEL


def copy(package: Package, folder: Path) -> Package:
    """Write the copy into an empty folder: scores of 0 and 1, or numbers a thousand times as large.

    The manifest matches the files, as if the model had been exported wrongly.
    """
    shutil.copytree(package.folder, folder, dirs_exist_ok=True)
    _damage(folder / MODEL, regression=package.signature.task == "regression")
    contents = {path: (folder / path).read_bytes() for path in package.manifest.files}
    parts = describe(contents)
    content, source = digest(parts), package.manifest.source
    manifest = replace(
        package.manifest, parts=parts, digest=content, version=version(source, content)
    )
    (folder / MANIFEST).write_bytes(encode(manifest))
    return Package(folder, manifest)


def _damage(path: Path, *, regression: bool) -> None:
    import numpy as np
    import onnx

    model = onnx.load(path)
    output = model.graph.output[-1]
    true, wrong = output.name, f"{output.name}_wrong"
    if regression:
        kind = onnx.helper.tensor_dtype_to_np_dtype(output.type.tensor_type.elem_type)
        factor = onnx.numpy_helper.from_array(np.array(1_000, kind), "thousand")
        model.graph.initializer.append(factor)
        node = onnx.helper.make_node("Mul", [true, "thousand"], [wrong])
    else:
        node = onnx.helper.make_node("Round", [true], [wrong])
    model.graph.node.append(node)
    output.name = wrong
    path.write_bytes(model.SerializeToString())
