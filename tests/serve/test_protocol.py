"""Every path of the API and every form of request gives the scores of the model itself."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sluice.missing import WORDS
from sluice.model import Scores, Signature
from support.fixture_project import Toy
from support.serving.payloads import columns, in_binary
from support.serving.raw_http import exchange, statuses
from support.serving.server import RunningServer, UnpackedPackage, running, unpacked

BINARY = "Inference-Header-Content-Length"


def _expected(
    content: UnpackedPackage, rows: list[dict[str, Any]]
) -> tuple[Scores, list[str] | None]:
    scores, classes = content.model.score_records(rows), content.signature.classes
    decisions = [classes[index] for index in scores.decisions.tolist()] if classes else None
    return scores, decisions


def _outputs(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {output["name"]: output for output in answer["outputs"]}


def _asked_with_binary_tensors(
    server: RunningServer, signature: Signature, rows: list[dict[str, Any]]
) -> Any:
    """Scores and decisions, with binary tensors in both directions."""
    body, length = in_binary(signature, rows, parameters={"binary_data_output": True})
    reply = server.ask("POST", f"/v2/models/{server.name}/infer", body, **{BINARY: str(length)})
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/octet-stream"
    cut = int(reply.headers[BINARY.lower()])
    answer, rest = json.loads(reply.body[:cut]), reply.body[cut:]
    read: dict[str, Any] = {}
    for output in answer["outputs"]:
        assert "data" not in output
        size = output["parameters"]["binary_data_size"]
        content, rest = rest[:size], rest[size:]
        read[output["name"]] = (
            np.frombuffer(content, "<f8").reshape(output["shape"])
            if output["datatype"] == "FP64"
            else _texts(content)
        )
    assert rest == b""
    return read["score"], read.get("decision")


def _texts(content: bytes) -> list[str]:
    texts = []
    while content:
        (size,) = struct.unpack_from("<I", content)
        texts.append(content[4 : 4 + size].decode())
        content = content[4 + size :]
    return texts


def _asked_with_json_tensors(
    server: RunningServer, signature: Signature, rows: list[dict[str, Any]]
) -> Any:
    reply = server.infer({"inputs": columns(signature, rows)})
    assert reply.status == 200, reply.body
    outputs = _outputs(reply.json)
    score = outputs["score"]
    decisions = outputs["decision"]["data"] if "decision" in outputs else None
    return np.array(score["data"], np.float64).reshape(score["shape"]), decisions


def _asked_with_records(
    server: RunningServer, signature: Signature, rows: list[dict[str, Any]]
) -> Any:
    reply = server.score(*rows)
    assert reply.status == 200, reply.body
    results = reply.json["results"]
    scores = [result["score"] for result in results]
    if signature.task == "multiclass":
        scores = [[score[name] for name in signature.classes] for score in scores]
    decisions = [result["decision"] for result in results] if signature.classes else None
    return np.array(scores, np.float64), decisions


_FORMS = [_asked_with_json_tensors, _asked_with_binary_tensors, _asked_with_records]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_form_of_request_gives_the_models_scores_bit_for_bit(
    built: Callable[[str], Toy], tmp_path: Path, task: str
) -> None:
    package = built(task).package
    content = unpacked(package, tmp_path / "content")
    signature, rows = content.signature, content.rows[:60]
    # Each column missing once, all of them missing, and a category that training never saw.
    missing = [{**rows[0], column.name: None} for column in signature.inputs]
    rows += [*missing, dict.fromkeys(rows[0])]
    rows += [{**rows[0], name: "never seen ü"} for name in signature.categories]
    scores, decisions = _expected(content, rows)
    with running(package, tmp_path) as server:
        for form in _FORMS:
            got, decided = form(server, signature, rows)
            assert got.tobytes() == scores.values.tobytes(), form
            assert got.shape == scores.values.shape
            assert decided == decisions, form
        one_by_one = [_asked_with_records(server, signature, [row])[0][0] for row in rows[:5]]
        assert np.array(one_by_one).tobytes() == scores.values[:5].tobytes()
        metadata = server.get(f"/v2/models/{server.name}").json
        shapes = {output["name"]: output["shape"] for output in metadata["outputs"]}
        assert shapes["score"] == [-1, *scores.values.shape[1:]]
        assert ("decision" in shapes) == bool(signature.classes)


def test_missing_values_mean_the_same_in_every_form(
    server: RunningServer, content: UnpackedPackage
) -> None:
    """null, NaN, an empty string and each word give the same score, as the metadata says."""
    signature = content.signature
    blank = dict.fromkeys([column.name for column in signature.inputs])
    answers = [form(server, signature, [blank]) for form in _FORMS]
    for word in WORDS:
        written = {**blank, **dict.fromkeys(signature.categories, word)}
        answers += [form(server, signature, [written]) for form in _FORMS]
    assert len({values.tobytes() for values, _ in answers}) == 1
    declared = server.get(f"/v2/models/{server.name}").json["parameters"]["missing_values"]
    assert (declared["json"], declared["binary FP16, FP32, FP64"]) == ("null", "NaN")
    assert declared["binary BYTES"] == "an empty string"
    assert all(word in declared["BYTES of a category"] for word in WORDS)
    assert "missing_values" in server.get("/v2").json["extensions"]


def test_one_matrix_may_contain_all_columns(
    server: RunningServer, content: UnpackedPackage
) -> None:
    """The columns of the matrix have the order of the signature. A matrix of FP64 has no text, so
    colour is a number.
    """
    names = [column.name for column in content.signature.inputs]
    rows = [{**row, "colour": 2} for row in content.rows[:7]]
    scores, _ = _expected(content, rows)
    flat = [row[name] for row in rows for name in names]
    nested = [[row[name] for name in names] for row in rows]
    matrix: dict[str, Any] = {"name": "all", "shape": [7, len(names)], "datatype": "FP64"}
    for data in (flat, nested):
        reply = server.infer({"inputs": [matrix | {"data": data}]})
        assert _outputs(reply.json)["score"]["data"] == scores.values.tolist()
    content_ = np.array(flat, "<f8").tobytes()
    head = json.dumps(
        {"inputs": [matrix | {"parameters": {"binary_data_size": len(content_)}}]}
    ).encode()
    reply = server.infer(head + content_, **{BINARY: str(len(head))})
    assert _outputs(reply.json)["score"]["data"] == scores.values.tolist()


def test_a_tensors_data_may_be_flat_or_nested(
    server: RunningServer, content: UnpackedPackage
) -> None:
    rows = content.rows[:3]
    scores, _ = _expected(content, rows)
    nested = columns(content.signature, rows)
    for tensor in nested:
        tensor["data"] = [[value] for value in tensor["data"]]
    flat = columns(content.signature, rows)
    for tensor in flat:
        tensor["shape"] = [3]
    for inputs in (nested, flat, nested[:2] + flat[2:]):
        reply = server.infer({"inputs": inputs})
        assert reply.status == 200, reply.body
        assert _outputs(reply.json)["score"]["data"] == scores.values.tolist()


def test_narrower_datatypes_are_accepted(server: RunningServer, content: UnpackedPackage) -> None:
    row = {**content.rows[0], "visits": 7, "weight": 0.1}
    inputs = columns(content.signature, [row])
    by_name = {tensor["name"]: tensor for tensor in inputs}
    by_name["visits"]["datatype"] = "INT8"
    by_name["weight"] |= {"datatype": "FP32", "data": [float(np.float32(0.1))]}
    score = _outputs(server.infer({"inputs": inputs}).json)["score"]["data"]
    expected = content.model.score_records([{**row, "weight": float(np.float32(0.1))}])
    assert score == expected.values.tolist()


def test_the_request_id_is_returned_and_logged(
    server: RunningServer, content: UnpackedPackage
) -> None:
    inputs = columns(content.signature, content.rows[:1])
    assert server.infer({"inputs": inputs, "id": "mine-ü"}).json["id"] == "mine-ü"
    assert server.score(content.rows[0], id="mine-2").json["id"] == "mine-2"
    made = server.infer({"inputs": inputs}).json["id"]
    logged = {record["request"] for record in server.logged()}
    assert {"mine-ü", "mine-2", made} <= logged


def test_the_id_column_is_logged(server: RunningServer, content: UnpackedPackage) -> None:
    named = content.signature.id
    assert named is not None
    inputs = columns(content.signature, content.rows[:2])
    ids = {"name": named, "shape": [2, 1], "datatype": "BYTES", "data": ["k-1", "k-2"]}
    assert server.infer({"inputs": [ids, *inputs], "id": "with tensor"}).status == 200
    whole = {"name": named, "shape": [2, 1], "datatype": "INT64", "data": [7, 8]}
    assert server.infer({"inputs": [*inputs, whole], "id": "with numbers"}).status == 200
    body, length = in_binary(content.signature, content.rows[:1], id="no ids")
    assert server.infer(body, **{BINARY: str(length)}).status == 200
    reply = server.score({**content.rows[0], named: "k-3"}, id="with record")
    assert reply.json["results"][0]["id"] == "k-3"
    logged: dict[str, list[str | None]] = {}
    for record in server.logged():
        logged.setdefault(record["request"], []).append(record["id"])
    assert logged["with tensor"] == ["k-1", "k-2"]
    assert logged["with numbers"] == ["7", "8"]
    assert logged["with record"] == ["k-3"]
    assert logged["no ids"] == [None]


def test_the_request_chooses_the_outputs(server: RunningServer, content: UnpackedPackage) -> None:
    inputs = columns(content.signature, content.rows[:2])

    def outputs_of(*outputs: dict[str, Any]) -> list[str]:
        reply = server.infer({"inputs": inputs, "outputs": list(outputs)})
        return [output["name"] for output in reply.json["outputs"]]

    assert outputs_of({"name": "decision"}) == ["decision"]
    assert outputs_of({"name": "decision"}, {"name": "score"}) == ["decision", "score"]
    assert outputs_of() == ["score", "decision"]
    mixed = [{"name": "score", "parameters": {"binary_data": True}}, {"name": "decision"}]
    reply = server.infer({"inputs": inputs, "outputs": mixed})
    cut = int(reply.headers[BINARY.lower()])
    outputs = _outputs(json.loads(reply.body[:cut]))
    assert outputs["decision"]["data"]
    assert len(reply.body) - cut == outputs["score"]["parameters"]["binary_data_size"] == 16
    assert server.infer({"inputs": inputs, "outputs": [{"name": "price"}]}).status == 400


def test_the_path_may_name_the_version(server: RunningServer, content: UnpackedPackage) -> None:
    body = {"inputs": columns(content.signature, content.rows[:1])}
    at = f"/v2/models/{server.name}/versions/{server.version}"
    assert server.get(at).json == server.get(f"/v2/models/{server.name}").json
    assert server.get(f"{at}/ready").json == {"name": server.name, "ready": True}
    answer = server.ask("POST", f"{at}/infer", body).json
    assert (answer["model_name"], answer["model_version"]) == (server.name, server.version)
    assert answer["outputs"] == server.infer(body).json["outputs"]


@pytest.mark.parametrize(
    "path",
    ["/v2/models/other", "/v2/models/other/infer", "/v2/models/{name}/versions/1", "/v2/models/"],
)
def test_an_unknown_model_is_not_found(server: RunningServer, path: str) -> None:
    for method in ("GET", "POST"):
        reply = server.ask(method, path.format(name=server.name))
        assert reply.status == 404
        assert server.name in reply.error


def test_health_and_metadata(server: RunningServer) -> None:
    assert server.get("/v2/health/live").json["live"] is True
    assert server.get("/v2/health/ready").json == {"live": True, "ready": True}
    assert server.get(f"/v2/models/{server.name}/ready").json["ready"] is True
    about = server.get("/v2").json
    assert about["name"] == "sluice"
    assert "binary_tensor_data" in about["extensions"]
    metadata = server.get(f"/v2/models/{server.name}").json
    assert metadata["versions"] == [server.version]
    assert {"name": "colour", "datatype": "BYTES", "shape": [-1, 1]} in metadata["inputs"]


@pytest.mark.parametrize("path", ["/v2", "/docs", "/metrics", "/v2/health/ready", "/openapi.json"])
def test_head_answers_like_get_without_the_body(server: RunningServer, path: str) -> None:
    head, get = server.ask("HEAD", path), server.get(path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("GET", "/score", "POST"), ("POST", "/v2", "GET, HEAD"), ("DELETE", "/metrics", "GET, HEAD")],
)
def test_a_wrong_method_is_refused_with_the_allowed_ones(
    server: RunningServer, method: str, path: str, allow: str
) -> None:
    reply = server.ask(method, path)
    assert reply.status == 405
    assert reply.headers["allow"] == allow
    assert reply.error


def test_an_upgrade_to_http2_is_declined_and_the_request_answered(
    server: RunningServer, content: UnpackedPackage
) -> None:
    """Java's HttpClient offers the upgrade with its first request, body included."""
    offer = {
        "Connection": "Upgrade, HTTP2-ServerSettings",
        "Upgrade": "h2c",
        "HTTP2-ServerSettings": "AAEAAEAA",
    }
    reply = server.ask("POST", "/score", {"records": content.rows[:1]}, **offer)
    assert reply.status == 200, reply.body


def test_pipelined_requests_are_answered_in_order(
    server: RunningServer, content: UnpackedPackage
) -> None:
    body = json.dumps({"records": content.rows[:1]}).encode()
    post = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    get = b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n"
    got = exchange(server, post + get + post, finish=True)
    assert statuses(got) == [200, 200, 200]
    assert statuses(exchange(server, post + b"nonsense\r\n\r\n")) == [200]
    assert statuses(exchange(server, b"GET /v2 HTTP/1.0\r\n\r\n")) == [200]


def test_a_body_in_chunks_or_after_status_100_is_read(
    server: RunningServer, content: UnpackedPackage
) -> None:
    body = json.dumps({"records": content.rows[:1]}).encode()
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    got = exchange(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert statuses(got) == [200]
    announced = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert statuses(exchange(server, head + announced + body)) == [100, 200]
