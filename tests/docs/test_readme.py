"""What our pages tell people to type exists, and so does where they lead."""

import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sluice.cli import _parser
from sluice.config import Acceptance

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    name: (ROOT / name).read_text("utf-8")
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/release.md",
        ".github/settings/README.md",
        ".github/PULL_REQUEST_TEMPLATE.md",
    )
}
TEXT = "\n".join(PAGES.values())
TYPED = re.findall(
    r"^(?:make|sluice) .*$", "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.S)), re.M
)
INLINE = re.findall(r"`((?:make|sluice) [^`]+)`", TEXT)
COMMANDS = sorted({line.partition("#")[0].strip() for line in [*TYPED, *INLINE]})
LINKS = [
    (name, link)
    for name, text in PAGES.items()
    for link in re.findall(r"\]\((?!http)([^)]+)\)", text)
]


def test_commands_are_found():
    assert "make package" in COMMANDS
    assert any(command.startswith("sluice adopt") for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists(command):
    program, *arguments = shlex.split(command)
    if program == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        variables = {name.partition("=")[0] for name in arguments if "=" in name}
        assert variables <= set(re.findall(r"\$\(([A-Z]+)\)", makefile))
        targets = re.findall(r"^([a-z-]+):", makefile, re.M)
        assert {name for name in arguments if "=" not in name} <= set(targets)
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


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_links_lead_somewhere(page, link):
    path, _, place = link.partition("#")
    target = (ROOT / page).parent / path
    assert target.exists()
    if place:
        titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
        assert place in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
