"""A model behind a server gives the same scores as the model itself."""

from contextlib import closing
from dataclasses import replace

import pytest

from sluice.model import InputError, Model
from sluice.package.archive import opened
from sluice.staging import process
from sluice.staging.remote import RemoteModel, ResponseError


@pytest.fixture(scope="module")
def target(good):
    with process.running(good.package) as target:
        yield target


@pytest.fixture(scope="module")
def local(good):
    with opened(good.package) as package:
        yield Model(package.model)


@pytest.fixture
def remote(target, local):
    with closing(RemoteModel(target, local.signature)) as remote:
        yield remote


ROW = {"weight": 70.5, "slope": 0.1, "visits": 6, "waste": 1, "colour": "red"}


def same(remote, local, rows):
    there, here = remote.score_records(rows), local.score_records(rows)
    assert there.values.tolist() == here.values.tolist()
    assert there.decisions.tolist() == here.decisions.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"weight": 1e15},
        {"weight": 1e-300},
        {"weight": 0.1 + 0.2, "slope": -5e-324},
        {"weight": 2**53 + 1},
        {"weight": 10**30},
        {"weight": True},
        dict.fromkeys(ROW),
        {"colour": "\u2047 unseen \U0001f308 \"' \\ \0"},
        {"colour": 1.0},
    ],
)
def test_scores_are_the_same(remote, local, change):
    same(remote, local, [{**ROW, **change}])


def test_more_rows_than_one_request_holds(remote, local):
    same(remote, local, [{**ROW, "slope": row / 100} for row in range(2_345)])


@pytest.mark.parametrize(
    "bad",
    [
        {**ROW, "weight": "many"},
        {k: v for k, v in ROW.items() if k != "colour"},
        {**ROW, "it's \"odd\": a \\ column, 'x': ": 1},
        {**ROW, "weight": 10**400},
    ],
)
def test_refused_row_is_named_by_number_and_column(remote, local, bad):
    rows = [*[ROW] * 1_500, bad, ROW]
    with pytest.raises(InputError) as here:
        local.score_records(rows)
    with pytest.raises(InputError) as there:
        remote.score_records(rows)
    assert (there.value.row, there.value.column) == (1_500, here.value.column)
    assert there.value.row == here.value.row


def test_refusal_that_names_no_row_is_an_error(target, local):
    stranger = replace(target, token="another-token-than-that")  # noqa: S106
    said = "responds with status 401: a bearer token is needed"
    with (
        closing(RemoteModel(stranger, local.signature)) as remote,
        pytest.raises(ResponseError, match=said),
    ):
        remote.score_records([ROW])


def test_server_that_is_gone(local, target):
    with closing(RemoteModel(replace(target, port=1), local.signature)) as remote:
        for _ in range(2):
            with pytest.raises(ResponseError, match="the server does not respond"):
                remote.score_records([ROW])
