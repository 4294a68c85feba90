"""A pickle anywhere in the model is refused without loading it; loading would create a file."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sluice.errors import SluiceError
from sluice.package import pickles
from support.fixture_project import Ran, Toy
from support.package_parts import Package

CREATED = Path("pwned")


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(CREATED), os.O_CREAT)


def zipped(real: bytes, name: str, content: bytes) -> bytes:
    packed = io.BytesIO(real)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def objects() -> bytes:
    saved = io.BytesIO()
    np.save(saved, np.array([Bomb()], dtype=object), allow_pickle=True)
    return saved.getvalue()


@pytest.mark.parametrize(
    ("name", "protocol"), [("model/model.onnx", 4), ("model/pipeline.skops", 0)]
)
def test_a_pickle_in_place_of_a_model_is_refused(
    package: Package, verify: Callable[[bytes], Ran], name: str, protocol: int
) -> None:
    package.contents[name] = pickle.dumps(Bomb(), protocol)
    ran = verify(package.seal())
    assert ran.status == 2
    assert f"{name} contains a pickle" in ran.line


@pytest.mark.parametrize("content", [pickle.dumps(Bomb(), 0), pickle.dumps(Bomb()), objects()])
def test_a_pickle_in_the_pipeline_is_refused(
    package: Package, verify: Callable[[bytes], Ran], content: bytes
) -> None:
    name = "model/pipeline.skops"
    package.contents[name] = zipped(package.contents[name], "1200.npy", content)
    ran = verify(package.seal())
    assert ran.status == 2
    assert f"{name} contains a pickle" in ran.line


def test_an_additional_file_in_the_model_folder_is_refused(
    package: Package, verify: Callable[[bytes], Ran]
) -> None:
    package.contents["model/model.pkl"] = pickle.dumps(Bomb())
    ran = verify(package.seal())
    assert ran.status == 2
    assert "model/model.pkl does not belong to a model" in ran.line


def test_a_pickle_is_not_loaded(package: Package, verify: Callable[[bytes], Ran], tmp_path) -> None:
    for name in ("model/model.onnx", "model/pipeline.skops"):
        package.contents[name] = pickle.dumps(Bomb())
    verify(package.seal())
    assert not (tmp_path / CREATED).exists()


BROKEN = b"cos\nsystem\n(S'touch pwned'\ntR" + b"\xff"
MODEL = ("model.onnx", "signature.json", "pipeline.skops")


def archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content)
    return packed.getvalue()


def saved(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def wide() -> bytes:
    """An array of objects whose header states its type only after the first kilobyte."""
    fields = [(f"a_column_of_numbers_{n}", "<f8") for n in range(60)]
    return saved(np.zeros(1, dtype=[*fields, ("last", "O")]))


def put_between(content: bytes) -> bytes:
    """The archive with bytes between its members and its directory."""
    at = content.index(b"PK\x01\x02")
    end = bytearray(content[at:])
    start = int.from_bytes(end[-6:-2], "little") + len(BROKEN)
    end[-6:-2] = start.to_bytes(4, "little")
    return content[:at] + BROKEN + bytes(end)


SCHEMA = ("schema.json", b"{}")
NUMBERS = saved(np.arange(3.0))
PLAIN = archive(SCHEMA, ("1.npy", NUMBERS))
PIPELINES = {
    "truncated pickle": (BROKEN, "contains a pickle"),
    "pickle before the archive": (BROKEN + PLAIN, "contains a pickle"),
    "pickle of protocol 2 before it": (pickle.dumps(Bomb(), 2) + PLAIN, "contains a pickle"),
    "bytes between the members": (put_between(PLAIN), "bytes outside the files"),
    "bytes after the archive": (PLAIN + BROKEN, "bytes outside the files"),
    "gzip": (gzip.compress(pickle.dumps(Bomb())), "does not start as a zip archive"),
    "zlib": (zlib.compress(pickle.dumps(Bomb(), 0)), "does not start as a zip archive"),
    "zip as an array": (archive(SCHEMA, ("1.npy", archive(("a", BROKEN)))), "an invalid array"),
    "zip as a member": (archive(SCHEMA, ("1.zip", PLAIN)), "'1.zip', which skops does not write"),
    "pickle in a sparse matrix": (
        archive(SCHEMA, ("1.npz", archive(("a.npy", BROKEN)))),
        "contains a pickle",
    ),
    "gzip as an array": (archive(SCHEMA, ("1.npy", gzip.compress(BROKEN))), "an invalid array"),
    "array with a wide header": (archive(SCHEMA, ("1.npy", wide())), "contains a pickle"),
    "pickle after an array": (
        archive(SCHEMA, ("1.npy", NUMBERS + BROKEN)),
        "size differs from its header",
    ),
    "pickle as the schema": (archive(("schema.json", BROKEN)), "contains a pickle"),
    "invalid JSON": (archive(("schema.json", b"{")), "not valid JSON"),
    "no schema": (archive(("1.npy", NUMBERS)), "schema.json is missing"),
    "compressed": (
        archive(SCHEMA, compression=zipfile.ZIP_DEFLATED),
        "in a way that skops does not use",
    ),
    "truncated archive": (PLAIN[:-30], "not a readable zip archive"),
    "empty file": (b"", "does not start as a zip archive"),
    "too many members": (archive(*((f"{n}.npy", b"") for n in range(10_001))), "more than 10,000"),
}


def model(folder: Path, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    contents = {"model.onnx": b"\x08\x0a", "signature.json": b"{}", "pipeline.skops": PLAIN}
    for name, content in (contents | files).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("trick", PIPELINES)
def test_a_file_that_skops_does_not_write_is_refused(tmp_path: Path, trick: str) -> None:
    content, why = PIPELINES[trick]
    folder = model(tmp_path / "model", **{"pipeline.skops": content})
    with pytest.raises(SluiceError, match=why) as raised:
        pickles.refuse(folder, "package.tar")
    assert str(raised.value).startswith("package.tar: model/pipeline.skops ")
    assert "\n" not in str(raised.value)


def test_a_truncated_pickle_is_refused(package: Package, verify: Callable[[bytes], Ran]) -> None:
    """`pickle.load` would run the code of a truncated pickle before it fails. The real command
    refuses such a pickle.
    """
    for name in MODEL:
        real = package.contents[f"model/{name}"]
        for content in (BROKEN, BROKEN + real):
            package.contents[f"model/{name}"] = content
            ran = verify(package.seal())
            assert ran.status == 2
            assert ran.line == (
                f"package.tar: model/{name} contains a pickle, "
                "which can run any code when it is loaded"
            )
        package.contents[f"model/{name}"] = real


def test_plain_arrays_are_accepted(tmp_path: Path) -> None:
    """Records, texts, an empty array, a single number, a transposed and a sparse matrix."""
    matrix = io.BytesIO()
    np.savez_compressed(matrix, data=np.arange(3.0), format=b"csr", shape=(3, 1))
    nodes = np.zeros(2, dtype=[("left", "<u4"), ("value", "<f8"), ("set", "<u4", (8,))])
    arrays = [nodes, np.array(["a", "bc"]), np.zeros((0, 4)), np.array(2.5), np.eye(3).T]
    members = [(f"{n}.npy", saved(array)) for n, array in enumerate(arrays)]
    content = archive(SCHEMA, *members, ("9.npz", matrix.getvalue()))
    pickles.refuse(model(tmp_path / "model", **{"pipeline.skops": content}), "package.tar")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_models_of_real_packages_are_accepted(
    built: Callable[[str], Toy], tmp_path: Path, task: str
) -> None:
    contents = Package.read(built(task).package).contents
    files = {name: contents[f"model/{name}"] for name in MODEL}
    pickles.refuse(model(tmp_path / "model", **files), "package.tar")


def test_a_package_that_was_sealed_again_verifies(
    package: Package, verify: Callable[[bytes], Ran]
) -> None:
    assert verify(package.seal()).status == 0
