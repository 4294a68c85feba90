"""`sluice package verify` refuses an altered archive, and names the file that is wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import onnx
import pytest

from sluice.package.archive import archive
from sluice.package.manifest import MANIFEST, Source, decode, encode
from sluice.package.parts import REFERENCE, REQUIRED
from sluice.verdict import Finding, Status, Verdict
from support.fixture_project import Ran, Toy
from support.package_parts import Package, pack

Verify = Callable[[bytes], Ran]
Refused = Callable[[Ran, str], None]

ONE_FILE_OF_EACH_PART = [names[0] for names in REQUIRED.values()]


def test_an_unaltered_package_verifies(sealed: Path, verify: Verify) -> None:
    ran = verify(sealed.read_bytes()).went_well()
    assert ran.out.startswith("toy-binary 2026.01.02-")
    assert " files match the manifest\n" in ran.out
    assert "scenarios: pass: All" in ran.out


def test_sealing_the_same_contents_gives_the_same_bytes(sealed: Path, package: Package) -> None:
    assert package.seal() == sealed.read_bytes()


@pytest.mark.parametrize("name", ONE_FILE_OF_EACH_PART)
def test_a_changed_byte_is_refused(
    package: Package, verify: Verify, refused: Refused, name: str
) -> None:
    content = package.contents[name]
    middle = len(content) // 2
    package.contents[name] = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    refused(verify(pack(package.members())), f"{name} was changed")


def test_an_altered_manifest_is_refused(package: Package, verify: Verify, refused: Refused) -> None:
    real = encode(package.manifest)

    def with_manifest(content: bytes) -> bytes:
        members = package.members()
        members[0][0].size = len(content)
        return pack([(members[0][0], content), *members[1:]])

    refused(verify(with_manifest(real[:-20])), "manifest.json is not a valid manifest")
    refused(verify(with_manifest(b"\xff" * 40)), "manifest.json is not a valid manifest")
    later = real.replace(b'"format": 1', b'"format": 2')
    refused(
        verify(with_manifest(later)),
        "manifest.json has format 2, but this version of sluice reads format 1",
    )
    refused(verify(pack(package.members()[1:])), "manifest.json is missing")
    model = package.manifest.files["model/model.onnx"]
    other = real.replace(model.sha256.encode(), b"0" * 64)
    refused(verify(with_manifest(other)), "model/model.onnx was changed")
    larger = real.replace(f'"size": {model.size},'.encode(), b'"size": 1,')
    refused(verify(with_manifest(larger)), "a size")


def test_the_reference_of_another_model_is_refused(
    package: Package, verify: Verify, refused: Refused
) -> None:
    """An earlier version of sluice wrote no reference, and its packages must stay readable."""
    reference = package.contents[REFERENCE]
    package.contents[REFERENCE] = reference.replace(b'"weight"', b'"height"')
    refused(verify(package.seal()), f"{REFERENCE} is the reference of another model")
    package.contents[REFERENCE] = reference.replace(b'"counts": [', b'"counts": [-1, ', 1)
    refused(verify(package.seal()), "has 23 counts for 22 bins, or a negative one")
    del package.contents[REFERENCE]
    verify(package.seal()).went_well()


@pytest.mark.parametrize("name", ONE_FILE_OF_EACH_PART)
def test_a_missing_file_is_refused(
    package: Package, verify: Verify, refused: Refused, name: str
) -> None:
    del package.contents[name]
    refused(verify(pack(package.members())), f"{name} is missing")
    refused(verify(package.seal()), f"lacks the required file {name}")


def test_surplus_files_are_refused(package: Package, verify: Verify, refused: Refused) -> None:
    package.contents["model/extra.bin"] = b"surplus"
    refused(verify(pack(package.members())), "model/extra.bin is not listed in manifest.json")
    del package.contents["model/extra.bin"]
    package.contents["malware/extra.bin"] = b"surplus"
    refused(verify(package.seal()), "'malware' is not a part of a package")


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("model/link", tarfile.SYMTYPE, "'model/link' is not a regular file"),
        ("model/hard", tarfile.LNKTYPE, "'model/hard' is not a regular file"),
        ("model/pipe", tarfile.FIFOTYPE, "'model/pipe' is not a regular file"),
        ("model/device", tarfile.CHRTYPE, "'model/device' is not a regular file"),
        ("model/block", tarfile.BLKTYPE, "'model/block' is not a regular file"),
        ("model/folder", tarfile.DIRTYPE, "'model/folder' is not a regular file"),
        ("/tmp/absolute", tarfile.REGTYPE, "'/tmp/absolute' could lead outside the package"),
        ("../outside", tarfile.REGTYPE, "'../outside' could lead outside the package"),
        ("model/../../outside", tarfile.REGTYPE, "could lead outside the package"),
        ("model\\windows", tarfile.REGTYPE, "could lead outside the package"),
        ("C:windows", tarfile.REGTYPE, "could lead outside the package"),
        ("./model/dotted", tarfile.REGTYPE, "is not in its simplest printable form"),
        ("model//twice", tarfile.REGTYPE, "is not in its simplest printable form"),
        ("model/\x1b[2J", tarfile.REGTYPE, "is not in its simplest printable form"),
        ("model/model.onnx", tarfile.REGTYPE, "contains 'model/model.onnx' twice"),
        ("model", tarfile.REGTYPE, "'model' is both a file and a folder"),
        ("params.yaml/below", tarfile.REGTYPE, "params.yaml/below is not listed in manifest.json"),
        ("model/model.onnx/below", tarfile.REGTYPE, "is both a file and a folder"),
        ("model/" + "long" * 100, tarfile.REGTYPE, "longlong"),
    ],
)
def test_an_unsafe_member_is_refused(
    package: Package, verify: Verify, refused: Refused, *, name: str, kind: bytes, why: str
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "../../outside"
    ran = verify(pack([*package.members(), (info, b"")]))
    refused(ran, why)
    assert "\x1b" not in ran.err


def test_a_file_that_is_not_an_archive_is_refused(
    sealed: Path, verify: Verify, refused: Refused, tmp_path: Path
) -> None:
    content = sealed.read_bytes()
    for broken in (b"", b"not a tar", b"\x00" * 10_000, gzip.compress(content), content[:700]):
        ran = verify(broken)
        assert ran.status == 2
        assert ran.err.count("\n") == 1
        assert ran.line.startswith("package.tar: ")
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb") as stream:
        for _ in range(600):
            stream.write(bytes(2**20))
    refused(verify(bomb.getvalue()), "is not a readable package")
    for share in (3, 2):
        ran = verify(content[: len(content) // share])
        assert ran.status == 2
        assert ran.line.startswith("package.tar: ")
        assert "Traceback" not in ran.said
    toy = Toy(tmp_path)
    (tmp_path / "folder").mkdir()
    assert toy.sluice("package", "verify", "folder").line == (
        "folder: is a folder, expected a package file"
    )
    assert toy.sluice("package", "verify", "nowhere").line == "nowhere: no such file"


def test_a_declared_size_that_is_too_large_is_refused(
    package: Package, verify: Verify, refused: Refused
) -> None:
    for size in (2**20, 2**33, 2**62):
        members = package.members()
        info = tarfile.TarInfo("model/huge")
        info.size = size
        content = pack(members)[:-1024].rstrip(b"\0")
        content += b"\0" * (-len(content) % 512) + info.tobuf(tarfile.GNU_FORMAT)
        ran = verify(content)
        assert ran.status == 2
        assert ran.line.startswith("package.tar: ")
        assert "Traceback" not in ran.said


def test_too_many_members_are_refused(verify: Verify, refused: Refused) -> None:
    refused(verify(pack([(tarfile.TarInfo(f"f{n}"), b"") for n in range(5_001)])), "5,000 files")


def test_a_manifest_that_contradicts_the_files_is_refused(
    package: Package, verify: Verify, refused: Refused
) -> None:
    manifest = package.manifest
    false_manifests = {
        "version": msgspec.structs.replace(manifest, version="2030.01.01-" + "0" * 12),
        "digest": msgspec.structs.replace(manifest, digest="0" * 64),
        "time": msgspec.structs.replace(
            manifest, source=Source(manifest.source.commit, 2_000_000_000, True)
        ),
    }
    for false in false_manifests.values():
        refused(verify(archive(package.contents, false)), "does not match the files")
    distant = msgspec.structs.replace(manifest, source=Source("c", 2**60, True))
    ran = verify(pack(Package(package.contents, distant).members()))
    assert ran.status == 2
    assert ran.line.startswith("package.tar: ")
    assert "unexpected" not in ran.line
    model = manifest.parts["model"]
    twice = {**manifest.parts, "model": (*model, model[0])}
    false = msgspec.structs.replace(manifest, parts=twice)
    refused(verify(archive(package.contents, false)), "lists a file twice")
    moved = {**manifest.parts, "model": manifest.parts["data"], "data": model}
    false = msgspec.structs.replace(manifest, parts=moved)
    refused(verify(archive(package.contents, false)), "is listed under the wrong part")


def test_a_verdict_that_does_not_pass_is_refused(
    package: Package, verify: Verify, refused: Refused
) -> None:
    name = "reports/verdicts/fairness.json"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verdict.json"
        unfair = Finding("fairness/side", Status.FAIL, "0.9 is outside the bound of at most 0.2")
        Verdict.of("fairness", [unfair]).write(path)
        package.contents[name] = path.read_bytes()
    refused(
        verify(package.seal()), "the gate fairness does not pass: fairness/side: 0.9 is outside"
    )
    package.contents[name] = package.contents[name].replace(b'"fail"', b'"pass"', 1)
    refused(verify(package.seal()), "edited by hand")
    package.contents[name] = package.contents["reports/verdicts/parity.json"]
    refused(verify(package.seal()), "fairness.json is the verdict of the gate parity")
    package.contents[name] = b"\x80\x04"
    refused(verify(package.seal()), "not a verdict")
    del package.contents[name]
    refused(verify(package.seal()), "reports/verdicts/fairness.json is missing from the package")


def test_a_model_with_other_scores_fails_its_scenarios(package: Package, verify: Verify) -> None:
    model = onnx.load_from_string(package.contents["model/model.onnx"])
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("intercepts", "coefficients"):
                attribute.floats[0] += 0.25
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.DOUBLE:
            values = onnx.numpy_helper.to_array(tensor) + 0.25
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    package.contents["model/model.onnx"] = model.SerializeToString()
    ran = verify(package.seal())
    assert ran.status == 1
    assert "scenarios: fail: scenarios/the holdout rows score as when the model was" in ran.out
    assert "Traceback" not in ran.said


def test_a_model_that_does_not_load_is_refused(package: Package, verify: Verify) -> None:
    """Weights in a file outside the package, an unknown operator, no output, an empty file."""
    real = package.contents["model/model.onnx"]
    outside = onnx.load_from_string(real)
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("double_data")
    tensor.ClearField("float_data")
    tensor.ClearField("int64_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../../../etc/passwd")
    foreign = onnx.load_from_string(real)
    foreign.graph.node[0].op_type, foreign.graph.node[0].domain = "Shell", "evil"
    shapeless = onnx.load_from_string(real)
    del shapeless.graph.output[:]
    for model in (
        outside.SerializeToString(),
        foreign.SerializeToString(),
        shapeless.SerializeToString(),
        b"",
    ):
        package.contents["model/model.onnx"] = model
        ran = verify(package.seal())
        assert ran.status == 2, ran.said
        assert ran.err == f"sluice: {ran.line}\n"
        assert "model.onnx cannot be loaded" in ran.line
        assert "unexpected" not in ran.line


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model/signature.json", b"{}"),
        ("model/signature.json", b"\x80\x04"),
        ("scenarios/scenarios.json", b"[]"),
        ("scenarios/scenarios.json", b'{"samples": {}, "scenarios": []}'),
        ("scenarios/scenarios.json", b'{"samples": {}, "scenarios": [{"kind": "shell"}]}'),
        (
            "scenarios/scenarios.json",
            b'{"samples": {}, "scenarios": [{"kind":"alone","name":"a"}]}',
        ),
    ],
)
def test_parts_with_unexpected_content_do_not_verify(
    package: Package, verify: Verify, name: str, content: bytes
) -> None:
    package.contents[name] = content
    ran = verify(package.seal())
    assert ran.status in (1, 2)
    assert "pass" not in ran.out
    assert "Traceback" not in ran.said
    assert "unexpected" not in ran.line


def test_a_signature_for_another_task_does_not_verify(package: Package, verify: Verify) -> None:
    signature = json.loads(package.contents["model/signature.json"])
    signature |= {"task": "regression", "classes": []}
    package.contents["model/signature.json"] = json.dumps(signature).encode()
    ran = verify(package.seal())
    assert ran.status in (1, 2)
    assert "Traceback" not in ran.said
    assert "unexpected" not in ran.line


def test_the_manifest_names_the_commit(sealed: Path, built: Callable[[str], Toy]) -> None:
    toy = built("binary")
    with tarfile.open(sealed, "r:") as tar:
        members = tar.getmembers()
        manifest = decode(tar.extractfile(MANIFEST).read(), "")
    assert members[0].name == MANIFEST
    assert manifest.source.commit == toy.git("rev-parse", "HEAD")
    assert manifest.source.clean
    both = hashlib.sha256(f"{manifest.source.commit} {manifest.digest}".encode()).hexdigest()
    assert manifest.version == f"2026.01.02-{both[:12]}"
    assert sealed.name == f"toy-binary-{manifest.version}.tar"
    assert {(m.uid, m.gid, m.uname, m.mode, m.mtime) for m in members} == {
        (0, 0, "", 0o644, manifest.source.time)
    }


def test_another_package_than_the_named_one(sealed: Path, toy: Toy) -> None:
    package = str(sealed)
    toy.sluice("package", "verify", package, "--outputs", "outputs").went_well()
    said = (toy.root / "outputs").read_text("utf-8")
    digest = hashlib.sha256(sealed.read_bytes()).hexdigest()
    assert said == f"sha256={digest}\n"
    toy.sluice("package", "verify", package, "--sha256", digest).went_well()
    ran = toy.sluice("package", "verify", package, "--sha256", "0" * 64, "--outputs", "other")
    assert (ran.status, f"its sha256 is {digest}, expected {'0' * 64}" in ran.line) == (2, True)
    assert not (toy.root / "other").exists()
    assert toy.sluice("package", "verify", "x", "--sha256", digest).line == "x: no such file"
