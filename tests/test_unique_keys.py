"""A key that occurs twice in one object is refused, in requests and in every file that is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice import config, files, scenario, unique_keys
from sluice.cli import main
from sluice.errors import SluiceError
from sluice.model import Input, InputError, Signature, read_signature
from sluice.package import manifest
from sluice.rollout import counts
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http.inference import Inference
from sluice.serve.http.records import Records
from sluice.unique_keys import RepeatedKeyError
from sluice.verdict import Verdict

KNOWN = Signature("regression", (Input("a", "number"), Input("c:d", "category")))
_RECORDS, _INFERENCE = Records(KNOWN, "m", "1", 9), Inference(KNOWN, "m", "1", 9, 16)

_TEXT = st.text(st.sampled_from('a:"\\\\b,{}é'), max_size=4)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(_TEXT, inner), max_size=4).map(tuple)
    ),
    max_leaves=8,
)


def _written(value: Any) -> str:
    """JSON with objects from tuples of pairs, in which a key may occur twice."""
    if isinstance(value, tuple):
        pairs = (f"{json.dumps(key)} : {_written(inner)}" for key, inner in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value)


def _repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(_repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(_repeats, value))


@given(_VALUES)
def test_a_repeated_key_is_found_wherever_it_is(value: Any) -> None:
    text = _written(value)
    if _repeats(value):
        with pytest.raises(RepeatedKeyError, match="occurs twice in one object"):
            unique_keys.require(text)
    else:
        unique_keys.require(text)


_PAIRS = st.lists(
    st.sampled_from(
        [("a", "1"), ("a", "2.5"), ("c:d", '"x:y"'), ("c:d", '"\\u003a"'), ("c:d", "null")]
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60)
@given(
    st.lists(_PAIRS, min_size=1, max_size=3), st.sampled_from(["", ' , "id" : "i:1"', ',"id":null'])
)
def test_records_are_refused_if_and_only_if_a_key_repeats(
    rows: list[list[tuple[str, str]]], more: str
) -> None:
    objects = ["{" + ", ".join(f'"{key}" :{value}' for key, value in row) + "}" for row in rows]
    body = f'{{"records": [{",".join(objects)}]{more}}}'.encode()
    repeated = [n for n, row in enumerate(rows) if len(dict(row)) < len(row)]
    if repeated:
        with pytest.raises(InputError) as error:
            _RECORDS.read(body, "i", 0.0)
        assert (error.value.row, error.value.problem) == (repeated[0], "occurs twice")
    elif all(len(dict(row)) == 2 for row in rows):
        assert len(_RECORDS.read(body, "i", 0.0).rows) == len(rows)


@settings(max_examples=60)
@given(
    st.sampled_from(
        ["", '"id":"x:1",', '"id":null,', '"outputs":[{"name":"score"}],', '"new":{"a":1},']
    ),
    st.sampled_from(["", '"parameters":{},', '"parameters":{"a:b":{"c":[{"d":1}]}},', '"x":"y",']),
    st.sampled_from(['"data":[1]', '"data":[1],"data":[1]', '"name":"a","data":[1]']),
    st.sampled_from(['"x:\\"y"', "null"]),
)
def test_tensors_are_refused_if_and_only_if_a_key_repeats(
    top: str, inner: str, data: str, text: str
) -> None:
    first = f'{{{inner}"name":"a","shape":[1,1],"datatype":"FP64",{data}}}'
    second = f'{{"name":"c:d","shape":[1,1],"datatype":"BYTES","data":[{text}]}}'
    body = f'{{{top}"inputs":[{first},{second}]}}'.encode()
    if data == '"data":[1]':
        assert len(_INFERENCE.read(body, None, "i", 0.0)[0].rows) == 1
    else:
        with pytest.raises(RequestRefusedError, match="occurs twice in one object") as error:
            _INFERENCE.read(body, None, "i", 0.0)
        assert error.value.status == 400


_TWICE = b'{"seconds": 1, "intervals": [], "seconds": 2, "seconds": 3}'
_READERS: dict[str, Callable[[Path], object]] = {
    "JSON of a stage": files.read_json,
    "params.yaml": config.load,
    "the counts of a rollout": counts.read,
}


@pytest.mark.parametrize("kind", _READERS)
def test_a_file_that_names_a_key_twice_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "some.file"
    path.write_bytes(_TWICE)
    with pytest.raises(SluiceError, match="'seconds' occurs twice") as error:
        _READERS[kind](path)
    assert "some.file" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_record_that_names_a_key_twice_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "some.file"

    def doubled(content: bytes, key: str) -> bytes:
        first = content.index(f'"{key}"'.encode())
        end = content.index(b",", first) + 1
        return content[:end] + content[first:end] + content[end:]

    def written(content: bytes) -> Path:
        path.write_bytes(content)
        return path

    signature = files.encode_record(KNOWN)
    verdict = files.encode_record(Verdict.of("parity", []))
    made = manifest.Manifest(
        manifest.FORMAT, "m", "2026.01.02-0123456789ab", "d", manifest.Source("c", 1, True), {}
    )
    read_signature(written(signature))
    cases: list[tuple[str, Callable[[], object]]] = [
        ("task", lambda: read_signature(written(doubled(signature, "task")))),
        ("gate", lambda: Verdict.read(doubled(verdict, "gate"), "some.file")),
        ("name", lambda: manifest.decode(doubled(manifest.encode(made), "name"), "some.file")),
        ("samples", lambda: scenario.read(written(b'{"samples":{},"samples":{},"scenarios":[]}'))),
    ]
    for key, read in cases:
        with pytest.raises(
            SluiceError, match=f"the key '{key}' occurs twice in one object"
        ) as error:
            read()
        assert "some.file" in str(error.value)


def test_the_command_names_the_file_the_line_and_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("name: a\nseed: 1\nseed: 2\n")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    assert main(["check", "data-quality"]) != 0
    said = capsys.readouterr().err
    assert "params.yaml: line 3: the key 'seed' occurs twice; remove one of the two" in said


def test_a_number_with_any_number_of_digits_is_accepted() -> None:
    unique_keys.require('{"a": ' + "9" * 5_000 + "}")
    assert issubclass(RepeatedKeyError, msgspec.DecodeError)
