"""A pickle anywhere in the model is refused, and never loaded: each would leave a file behind."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from package_parts import Package

from fixture_project import Ran

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
    package.contents[name] = zipped(package.contents[name], "12.npy", content)
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
