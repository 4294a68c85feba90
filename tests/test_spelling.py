"""Texts that look equal to people are recognised, and the difference is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import spelling


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        (" age", "age", "in spaces"),
        ("first\u00a0name", "first name", "in spaces"),
        ("first  name ", "first name", "in spaces"),
        ("age\t", "age", "in spaces"),
        ("Age", "age", "in upper and lower case"),
        ("\ufeffage", "age", "by an invisible character"),
        ("a\u200bge", "age", "by an invisible character"),
        ("Gr\u00f6\u00dfe", "Gro\u0308\u00dfe", "in how accented characters are encoded"),
        (" Age", "age", "in spaces and in upper and lower case"),
    ],
)
def test_the_difference_is_described(one: str, other: str, how: str) -> None:
    assert spelling.difference(one, other).startswith(how)
    assert spelling.difference(other, one) == spelling.difference(one, other)
    assert how in spelling.suggestion(one, ["unlike", other])
    assert spelling.described(one, ["unlike", other]).startswith(f"{one!r} (it differs from")


@pytest.mark.parametrize(("one", "other"), [("age", "age"), ("age", "wage"), ("", "a"), ("x", "y")])
def test_equal_and_other_texts_have_no_such_difference(one: str, other: str) -> None:
    assert spelling.difference(one, other) == ""
    assert spelling.described(one, [other]) == repr(one)


def test_a_similar_name_is_suggested() -> None:
    assert spelling.suggestion("churnd", ["age", "churned"]) == "did you mean 'churned'?"
    assert spelling.suggestion("income", ["age", "churned"]) == ""


@given(st.text(), st.text())
def test_texts_with_the_same_fold_have_a_difference(one: str, other: str) -> None:
    same = one != other and spelling.fold(one) == spelling.fold(other)
    assert bool(spelling.difference(one, other)) == same


@given(st.text())
def test_a_space_and_a_zero_width_character_never_matter(text: str) -> None:
    assert spelling.difference(f" {text}", text)
    assert spelling.difference(f"{text}\u200b", text)
