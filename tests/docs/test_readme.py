"""What the README tells people to type exists."""

import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sluice.cli import _parser
from sluice.config import Acceptance

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
TYPED = re.findall(
    r"^(?:make|sluice) .*$", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S)), re.M
)
INLINE = re.findall(r"`((?:make|sluice) [^`]+)`", README)
COMMANDS = sorted({line.partition("#")[0].strip() for line in [*TYPED, *INLINE]})


def test_commands_are_found():
    assert "make package" in COMMANDS
    assert any(command.startswith("sluice adopt") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists(command):
    program, *arguments = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
        assert set(arguments) <= set(targets)
        return
    if arguments != ["--help"]:
        _parser().parse_args(arguments)


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", README, re.S))
def test_settings_are_valid(block):
    for item in YAML(typ="safe").load(block)["accept"]:
        Acceptance.model_validate(item)


def test_ci_runs_what_the_readme_says():
    run = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert {"make check", "make package", "make test"} <= set(run)


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()
