"""A parser that has only the commands of one group says the same as the complete one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import pytest

from sluice import cli


def commands(*words: str) -> Mapping[str, argparse.ArgumentParser]:
    (found,) = (
        action
        for action in cli._parser(words)._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return found.choices


@pytest.mark.parametrize("name", commands())
def test_each_command_has_the_same_help_in_a_small_parser(name: str) -> None:
    alone = commands("--debug", name)
    assert alone[name].format_help() == commands()[name].format_help()
    assert len(alone) < len(commands()) / 2


def test_an_unknown_command_is_refused_with_all_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["pakage", "build"])
    said = capsys.readouterr().err
    assert all(f"'{name}'" in said for name in commands())
