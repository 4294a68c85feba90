"""A pickle anywhere in the model is refused, and never loaded: each would leave a file behind."""

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

HERE = Path("pwned")


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(HERE), os.O_CREAT)


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
def test_a_pickle_in_place_of_a_model(
    package: Package, verify: Callable[[bytes], Ran], name: str, protocol: int
) -> None:
    package.contents[name] = pickle.dumps(Bomb(), protocol)
    ran = verify(package.seal())
    assert ran.status == 2
    assert f"{name} holds a pickle" in ran.line


@pytest.mark.parametrize("content", [pickle.dumps(Bomb(), 0), pickle.dumps(Bomb()), objects()])
def test_a_pickle_in_the_pipeline(
    package: Package, verify: Callable[[bytes], Ran], content: bytes
) -> None:
    name = "model/pipeline.skops"
    package.contents[name] = zipped(package.contents[name], "1200.npy", content)
    ran = verify(package.seal())
    assert ran.status == 2
    assert f"{name} holds a pickle" in ran.line


def test_a_file_beside_the_model(package: Package, verify: Callable[[bytes], Ran]) -> None:
    package.contents["model/model.pkl"] = pickle.dumps(Bomb())
    ran = verify(package.seal())
    assert ran.status == 2
    assert "model/model.pkl is no file of a model" in ran.line


def test_nothing_was_loaded(package: Package, verify: Callable[[bytes], Ran], tmp_path) -> None:
    for name in ("model/model.onnx", "model/pipeline.skops"):
        package.contents[name] = pickle.dumps(Bomb())
    verify(package.seal())
    assert not (tmp_path / HERE).exists()


BROKEN = b"cos\nsystem\n(S'touch pwned'\ntR" + b"\xff"
MODEL = ("model.onnx", "signature.json", "pipeline.skops")


def archive(*members: tuple[str, bytes], way: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", way) as made:
        for name, content in members:
            made.writestr(name, content)
    return packed.getvalue()


def saved(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=True)
    return file.getvalue()


def wide() -> bytes:
    """Objects that a header names only after its first kilobyte."""
    fields = [(f"a_column_of_numbers_{n}", "<f8") for n in range(60)]
    return saved(np.zeros(1, dtype=[*fields, ("last", "O")]))


def put_between(content: bytes) -> bytes:
    """Bytes that no member holds, where the directory of the archive is."""
    at = content.index(b"PK\x01\x02")
    end = bytearray(content[at:])
    start = int.from_bytes(end[-6:-2], "little") + len(BROKEN)
    end[-6:-2] = start.to_bytes(4, "little")
    return content[:at] + BROKEN + bytes(end)


SCHEMA = ("schema.json", b"{}")
NUMBERS = saved(np.arange(3.0))
PLAIN = archive(SCHEMA, ("1.npy", NUMBERS))
PIPELINES = {
    "breaks at its end": (BROKEN, "holds a pickle"),
    "before an archive": (BROKEN + PLAIN, "holds a pickle"),
    "old, before an archive": (pickle.dumps(Bomb(), 2) + PLAIN, "holds a pickle"),
    "between": (put_between(PLAIN), "bytes beside"),
    "after": (PLAIN + BROKEN, "bytes beside"),
    "gzip": (gzip.compress(pickle.dumps(Bomb())), "not an archive"),
    "zlib": (zlib.compress(pickle.dumps(Bomb(), 0)), "not an archive"),
    "nested": (archive(SCHEMA, ("1.npy", archive(("a", BROKEN)))), "an array that is none"),
    "nested twice": (archive(SCHEMA, ("1.zip", PLAIN)), "no part of a pipeline"),
    "in a matrix": (archive(SCHEMA, ("1.npz", archive(("a.npy", BROKEN)))), "holds a pickle"),
    "gzip in it": (archive(SCHEMA, ("1.npy", gzip.compress(BROKEN))), "an array that is none"),
    "a wide header": (archive(SCHEMA, ("1.npy", wide())), "holds a pickle"),
    "behind an array": (archive(SCHEMA, ("1.npy", NUMBERS + BROKEN)), "another size"),
    "in the schema": (archive(("schema.json", BROKEN)), "holds a pickle"),
    "no JSON": (archive(("schema.json", b"{")), "not JSON"),
    "nothing": (archive(("1.npy", NUMBERS)), "schema.json is missing"),
    "packed": (archive(SCHEMA, way=zipfile.ZIP_DEFLATED), "in a way that skops does not"),
    "torn": (PLAIN[:-30], "not a readable archive"),
    "empty": (b"", "not an archive"),
    "many": (archive(*((f"{n}.npy", b"") for n in range(10_001))), "more than any model"),
}


def model(folder: Path, **files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    contents = {"model.onnx": b"\x08\x0a", "signature.json": b"{}", "pipeline.skops": PLAIN}
    for name, content in (contents | files).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("trick", PIPELINES)
def test_a_file_that_is_not_what_skops_writes(tmp_path: Path, trick: str) -> None:
    content, why = PIPELINES[trick]
    folder = model(tmp_path / "model", **{"pipeline.skops": content})
    with pytest.raises(SluiceError, match=why) as raised:
        pickles.refuse(folder, "package.tar")
    assert str(raised.value).startswith("package.tar: model/pipeline.skops ")
    assert "\n" not in str(raised.value)


def test_what_breaks_has_run_by_then(package: Package, verify: Callable[[bytes], Ran]) -> None:
    """By the command: what `pickle.load` would carry out before it fails."""
    for name in MODEL:
        real = package.contents[f"model/{name}"]
        for content in (BROKEN, BROKEN + real):
            package.contents[f"model/{name}"] = content
            ran = verify(package.seal())
            assert ran.status == 2
            assert ran.line == (
                f"package.tar: model/{name} holds a pickle, which runs code when it is loaded"
            )
        package.contents[f"model/{name}"] = real


def test_plain_arrays_of_every_kind(tmp_path: Path) -> None:
    """What pipelines hold: records, texts, nothing, one number, a sparse matrix."""
    matrix = io.BytesIO()
    np.savez_compressed(matrix, data=np.arange(3.0), format=b"csr", shape=(3, 1))
    nodes = np.zeros(2, dtype=[("left", "<u4"), ("value", "<f8"), ("set", "<u4", (8,))])
    arrays = [nodes, np.array(["a", "bc"]), np.zeros((0, 4)), np.array(2.5), np.eye(3).T]
    members = [(f"{n}.npy", saved(array)) for n, array in enumerate(arrays)]
    content = archive(SCHEMA, *members, ("9.npz", matrix.getvalue()))
    pickles.refuse(model(tmp_path / "model", **{"pipeline.skops": content}), "package.tar")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_real_packages(built: Callable[[str], Toy], tmp_path: Path, task: str) -> None:
    contents = Package.read(built(task).package).contents
    files = {name: contents[f"model/{name}"] for name in MODEL}
    pickles.refuse(model(tmp_path / "model", **files), "package.tar")


def test_a_real_package_verifies(package: Package, verify: Callable[[bytes], Ran]) -> None:
    assert verify(package.seal()).status == 0
