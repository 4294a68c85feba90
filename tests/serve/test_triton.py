"""NVIDIA's client for the protocol, which is not our own code, gets the model's scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from support.serving.server import RunningServer, UnpackedPackage


@pytest.fixture
def client(server: RunningServer) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"{server.host}:{server.port}") as speaks:
        yield speaks


def _inputs(
    content: UnpackedPackage, rows: list[dict[str, Any]], *, binary: bool, kinds: dict[str, str]
) -> list[triton.InferInput]:
    inputs = []
    dtypes = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}
    for column in content.signature.inputs:
        kind = kinds.get(column.name, "FP64" if column.type == "number" else "BYTES")
        values = [row[column.name] for row in rows]
        tensor = triton.InferInput(column.name, [len(rows), 1], kind)
        array = np.array(values, dtypes[kind]).reshape(-1, 1)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    return inputs


def test_the_client_finds_the_server_and_its_model(
    server: RunningServer, client: triton.InferenceServerClient
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(server.name)
    assert client.is_model_ready(server.name, server.version)
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(server.name, server.version)
    assert metadata["name"] == server.name
    assert {tensor["datatype"] for tensor in metadata["inputs"]} == {"FP64", "BYTES"}


@pytest.mark.parametrize("sends", [True, False], ids=["binary in", "JSON in"])
@pytest.mark.parametrize("takes", [True, False], ids=["binary out", "JSON out"])
@pytest.mark.parametrize("version", [False, True], ids=["any version", "a version"])
def test_the_client_gets_the_models_scores(
    server: RunningServer,
    content: UnpackedPackage,
    client: triton.InferenceServerClient,
    *,
    sends: bool,
    takes: bool,
    version: bool,
) -> None:
    rows = [row for row in content.rows if None not in row.values()][:20]
    expected = content.model.score_records(rows)
    outputs = [
        triton.InferRequestedOutput(name, binary_data=takes) for name in ("score", "decision")
    ]
    result = client.infer(
        server.name,
        _inputs(content, rows, binary=sends, kinds={}),
        model_version=server.version if version else "",
        request_id="from triton",
        outputs=outputs,
    )
    assert result.as_numpy("score").tobytes() == expected.values.tobytes()
    said = [text.decode() if isinstance(text, bytes) else text for text in _flat(result)]
    classes = content.signature.classes
    assert said == [classes[index] for index in expected.decisions.tolist()]
    assert result.get_response()["id"] == "from triton"
    assert result.get_response()["model_version"] == server.version


def _flat(result: triton.InferResult) -> list[Any]:
    return list(result.as_numpy("decision").ravel().tolist())


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_the_client_may_send_narrower_datatypes(
    server: RunningServer,
    content: UnpackedPackage,
    client: triton.InferenceServerClient,
    *,
    binary: bool,
) -> None:
    rows = [row for row in content.rows if None not in row.values()][:20]
    kinds = {"weight": "FP32", "visits": "INT64"}
    result = client.infer(server.name, _inputs(content, rows, binary=binary, kinds=kinds))
    narrow = [
        {**row, "weight": float(np.float32(row["weight"])), "visits": int(row["visits"])}
        for row in rows
    ]
    expected = content.model.score_records(narrow)
    assert result.as_numpy("score").tobytes() == expected.values.tobytes()


def test_the_clients_missing_values_are_missing(
    server: RunningServer, content: UnpackedPackage, client: triton.InferenceServerClient
) -> None:
    rows = [{column.name: np.nan for column in content.signature.inputs} | {"colour": ""}]
    result = client.infer(server.name, _inputs(content, rows, binary=True, kinds={}))
    expected = content.model.score_records([dict.fromkeys(rows[0])])
    assert result.as_numpy("score").tobytes() == expected.values.tobytes()


def test_the_client_shows_the_servers_messages(
    server: RunningServer, content: UnpackedPackage, client: triton.InferenceServerClient
) -> None:
    row = next(row for row in content.rows if None not in row.values())
    inputs = _inputs(content, [row, {**row, "weight": np.inf}], binary=True, kinds={})
    with pytest.raises(InferenceServerException, match=r"row 1, column 'weight': .*finite") as told:
        client.infer(server.name, inputs)
    assert told.value.status() == "400"
    with pytest.raises(InferenceServerException, match="column 'colour': is missing"):
        client.infer(server.name, inputs[:-1])
    with pytest.raises(InferenceServerException, match="no such model or version"):
        client.infer("other", inputs)
    with pytest.raises(InferenceServerException, match="compressed bodies are not supported"):
        client.infer(server.name, inputs, request_compression_algorithm="gzip")
