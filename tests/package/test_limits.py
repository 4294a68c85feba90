"""Limits on the resources of a package during verification, and on its file names."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sluice.errors import SluiceError
from sluice.package import tar, verify
from support.command_line import CommandLine
from support.package_parts import Package


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code/usecase/model.py", "code/usecase/Model.py"),
        ("code/usecase/caf\u00e9.py", "code/usecase/cafe\u0301.py"),
        ("code/usecase/stra\u00dfe.py", "code/usecase/STRASSE.py"),
        ("code/usecase/\u2126.py", "code/usecase/\u03c9.py"),
    ],
)
def test_names_that_are_one_file_elsewhere_are_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    file = tmp_path / "package.tar"
    for names, refused in (([one, other], True), ([one], False), ([other], False)):
        file.write_bytes(tar.pack([(name, b"x") for name in names], 0))
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        if refused:
            with pytest.raises(SluiceError, match="are the same file on file systems that ignore"):
                tar.unpack(file, folder)
        else:
            tar.unpack(file, folder)


def _endless() -> bytes:
    """A graph that counts for ever and returns nothing."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("Add", ["held", "held"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("held", TensorProto.DOUBLE, [1]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", TensorProto.DOUBLE, [1]),
        ],
    )
    loop = helper.make_node("Loop", ["", "go", "start"], ["end"], body=body)
    go = numpy_helper.from_array(np.array(True), "go")
    start = numpy_helper.from_array(np.zeros(1), "start")
    graph = helper.make_graph(
        [loop],
        "endless",
        [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, None])],
        [helper.make_tensor_value_info("end", TensorProto.DOUBLE, [1])],
        [go, start],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def _large() -> bytes:
    """A graph that needs a tensor of 16 GiB."""
    shape = numpy_helper.from_array(np.array([2**31]), "shape")
    fill = helper.make_tensor("value", TensorProto.DOUBLE, [1], [1.0])
    node = helper.make_node("ConstantOfShape", ["shape"], ["end"], value=fill)
    graph = helper.make_graph(
        [node],
        "large",
        [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, None])],
        [helper.make_tensor_value_info("end", TensorProto.DOUBLE, [None])],
        [shape],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return made.SerializeToString()


def test_an_endless_model_is_ended(
    package: Package,
    command_line: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The limit of the product is under a minute; in this test it is a few seconds, to save
    time.
    """
    assert verify._PROCESSOR_SECONDS < verify._TIMEOUT_SECONDS < 60
    monkeypatch.setattr(verify, "_PROCESSOR_SECONDS", 4)
    package.contents["model/model.onnx"] = _endless()
    began = time.monotonic()
    (tmp_path / "package.tar").write_bytes(package.seal())
    ran = command_line.run(tmp_path, "package", "verify", "package.tar")
    assert ran.status == 2, ran.said
    assert "the scenarios ended with the signal" in ran.line or "did not finish" in ran.line
    assert time.monotonic() - began < 60


def test_a_model_that_needs_too_much_memory_is_refused(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    package.contents["model/model.onnx"] = _large()
    (tmp_path / "package.tar").write_bytes(package.seal())
    ran = command_line.run(tmp_path, "package", "verify", "package.tar")
    assert ran.status in (1, 2), ran.said
    assert "Traceback" not in ran.said
    assert "pass" not in ran.out


def test_a_lock_that_asks_for_another_library_is_refused(
    package: Package, command_line: CommandLine, tmp_path: Path
) -> None:
    package.contents["environment/serve.txt"] += b"evil==1.0 --hash=sha256:" + b"0" * 64 + b"\n"
    (tmp_path / "package.tar").write_bytes(package.seal())
    ran = command_line.run(tmp_path, "package", "verify", "package.tar")
    assert ran.status == 2
    assert "environment/serve.txt is not the file that configuration/dvc.lock names" in ran.line
