"""The shortcut for the usual inference request reads and answers as the general code does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.model import Decision, Input, InputError, Scores, Signature
from sluice.serve.errors import RequestRefusedError
from sluice.serve.http.inference import Inference
from sluice.serve.http.usual_request import UsualRequest
from sluice.serve.request import joined
from support.serving.any_values import NUMBERS, SIGNATURE, TEXTS

INFERENCE = Inference(SIGNATURE, "m", "1", 10, 16)
ROW = {column.name: 1.5 if column.type == "number" else "a" for column in SIGNATURE.inputs}
SEPARATORS = {"python": (", ", ": "), "compact": (",", ":")}


def body(row: dict[str, Any], signature: Signature = SIGNATURE, **more: Any) -> dict[str, Any]:
    kinds = {"number": "FP64", "category": "BYTES"}
    inputs = [
        {"name": c.name, "shape": [1, 1], "datatype": kinds[c.type], "data": [row[c.name]]}
        for c in signature.inputs
    ]
    return {**more, "inputs": inputs}


def text(content: Any, form: str = "python", *, escaped: bool = True) -> bytes:
    written = json.dumps(content, separators=SEPARATORS[form], ensure_ascii=escaped)
    return written.replace("Infinity", "1e999").encode()


def read(content: bytes) -> Any:
    """The id, the numbers, the labels and the log's values of a request, or its refusal."""
    try:
        scoring, _ = INFERENCE.read(content, None, "http", 0.0)
    except InputError as error:
        return error.row, error.column, error.problem
    except RequestRefusedError as error:
        return error.status, error.message
    tensors = joined([scoring.rows])
    return scoring.id, tensors.numbers.tolist(), tensors.categories.tolist(), scoring.ids


VALUES = {
    "number": st.sampled_from(NUMBERS) | st.floats(allow_nan=False) | st.integers(),
    "category": st.sampled_from(TEXTS) | st.text(max_size=4) | st.none(),
}


@settings(deadline=None, max_examples=300)
@given(
    st.fixed_dictionaries({column.name: VALUES[column.type] for column in SIGNATURE.inputs}),
    st.none() | st.text(max_size=3),
    st.sampled_from([*SEPARATORS]),
    st.booleans(),
)
def test_it_reads_the_same_as_the_general_code(row, id, form, escaped):
    more = {} if id is None else {"id": id}
    try:
        usual = text(body(row, **more), form, escaped=escaped)
    except UnicodeEncodeError:  # half of a pair of surrogates, which no JSON can contain
        return
    # A space at the end is enough to be unusual.
    assert repr(read(usual)) == repr(read(usual + b" "))


@pytest.mark.parametrize("form", SEPARATORS)
@pytest.mark.parametrize("more", [{}, {"id": "x"}])
def test_both_ways_to_write_json_are_usual(form, more):
    found = UsualRequest(SIGNATURE).read(text(body(ROW, **more), form))
    assert found is not None
    assert found[0] == more.get("id")


def test_names_with_odd_characters_are_usual():
    signature = Signature("regression", (Input('a"(é\\.*', "number"), Input("b", "category")))
    row = {'a"(é\\.*': 2, "b": "ü"}
    for escaped in (True, False):
        found = UsualRequest(signature).read(text(body(row, signature), escaped=escaped))
        assert (found is None) == escaped  # a value with an escape is left to the general code
    for escaped in (True, False):
        content = text(body({**row, "b": "u"}, signature), escaped=escaped)
        found = UsualRequest(signature).read(content)
        assert found is not None
        assert (found[1].numbers, found[1].categories) == ((2.0,), ["u"])


def _changed(old: str, new: str, count: int = 1) -> bytes:
    content = text(body(ROW)).decode()
    assert old in content
    return content.replace(old, new, count).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        text(body(ROW)) + b"}",
        text(body(ROW, parameters={})),
        text({**body(ROW), "outputs": [{"name": "score"}]}),
        text({"inputs": body(ROW)["inputs"][::-1]}),
        text({"inputs": body(ROW)["inputs"][:-1]}),
        _changed('"FP64"', '"FP32"'),
        _changed("[1, 1]", "[1]"),
        _changed("[1.5]", "[[1.5]]"),
        _changed("[1.5]", "[1.5, 1.5]"),
        _changed("[1.5]", "[true]"),
        _changed("[1.5]", '["1.5"]'),
        _changed("[1.5]", "[1.5e]"),
        _changed("[1.5]", "[NaN]"),
        _changed("[1.5]", "[01]"),
        _changed('["a"]', r'["\u0061"]'),
        _changed('["a"]', '["a\n"]'),
        _changed('["a"]', "[1]"),
        _changed('"datatype"', '"datatype": "FP64", "datatype"'),
        text(body(ROW)).replace(b'"a"', b'"\xff"'),
    ],
)
def test_everything_else_is_left_to_the_general_code(content):
    assert UsualRequest(SIGNATURE).read(content) is None


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_response_is_the_general_one(task):
    classes = {"binary": ("n", "y"), "multiclass": ("ä", '"', "c"), "regression": ()}[task]
    signature = Signature(task, SIGNATURE.inputs, classes, Decision())
    inference = Inference(signature, "name", "version", 10, 16)
    values = np.array([[0.1, 0.2, 0.7]]) if task == "multiclass" else np.array([1 / 3])
    scores = Scores(values, np.array([len(classes) - 1]) if classes else values)
    written = []
    plain = text(body(ROW, id="é"), escaped=False)
    for content in (plain, plain + b" "):
        scoring, request = inference.read(content, None, "http", 0.0)
        written.append(inference.write(scoring, request, scores))
        assert (request is None) == (len(written) == 1)
    assert written[0] == written[1]
