"""The commands and the links in the documentation exist."""

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


def commands(text):
    """The commands on a page, in code blocks and in sentences."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    typed = re.findall(r"^(?:make|sluice) .*$", blocks, re.M)
    inline = re.findall(r"`((?:make|sluice) [^`]+)`", text)
    return sorted({line.partition("#")[0].strip() for line in [*typed, *inline]})


def accepted(text):
    """The examples for `accept` on a page."""
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.S)
    asked = [YAML(typ="safe").load(b) for b in blocks if re.search(r"^accept:", b, re.M)]
    return [item for block in asked for item in block["accept"]]


LINKS = [
    (name, link)
    for name, text in PAGES.items()
    for link in re.findall(r"\]\((?!http)([^)]+)\)", text)
]
PAGE = """
Say `make help`, or `sluice adopt t.csv --target y`; `makeup` is no command.

```sh
make package    # all of it
git commit
```

```yaml
accept:
  - {finding: fairness/x/rows, reason: too few rows so far}
```

```yaml
services: []
```
"""


def test_commands_and_settings_are_found_on_a_page():
    assert commands(PAGE) == ["make help", "make package", "sluice adopt t.csv --target y"]
    assert [item["finding"] for item in accepted(PAGE)] == ["fairness/x/rows"]


@pytest.mark.parametrize("command", commands("\n".join(PAGES.values())))
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
        _parser(arguments).parse_args(arguments)


def test_settings_are_valid():
    """A fork may write its own README, which need not have such examples."""
    for item in accepted(README):
        Acceptance.model_validate(item)


def test_ci_runs_what_the_readme_says():
    run = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert {"make check", "make package", "make test"} <= set(run)


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_the_targets_of_links_exist(page, link):
    path, _, place = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    if place:
        titles = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.M)
        assert place in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
