"""Where images are pushed is in reviewed files, and no repository variable changes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import CommandLine

FILE = ".github/settings/delivery.json"
BASE = f"python:3.13-slim@sha256:{'7' * 64}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text('{"registry": "ghcr.io"}', "utf-8")
    (tmp_path / "image/base").mkdir(parents=True)
    (tmp_path / "image/base/Dockerfile").write_text(f"FROM {BASE}\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize("variables", [{}, {"REGISTRY": "ghcr.io", "BASE_IMAGE": BASE}])
def test_the_registry_in_the_file(
    root: Path, command_line: CommandLine, variables: dict[str, str]
) -> None:
    given = {"REGISTRY": "", "BASE_IMAGE": "", **variables}
    command_line.run(root, "delivery", "place", "--outputs", "outputs", **given).went_well()
    assert (root / "outputs").read_text("utf-8") == "registry=ghcr.io\n"


@pytest.mark.parametrize(
    ("name", "value", "file"),
    [
        ("REGISTRY", "evil.example", FILE),
        ("REGISTRY", "ghcr.io\nregistry=evil.example", FILE),
        ("BASE_IMAGE", f"evil.example/x@sha256:{'7' * 64}", "image/base/Dockerfile"),
    ],
)
def test_a_variable_that_differs(
    root: Path, command_line: CommandLine, name: str, value: str, file: str
) -> None:
    ran = command_line.run(root, "delivery", "place", "--outputs", "outputs", **{name: value})
    assert ran.status == 2
    assert ran.line.startswith(f"the repository variable {name} is ")
    assert f"{file} says" in ran.line
    assert not (root / "outputs").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"registry": "a b"}', '{"registry": "x\\ny"}', '{"more": 1}']
)
def test_a_file_that_is_not_valid(root: Path, command_line: CommandLine, content: str) -> None:
    (root / FILE).write_text(content, "utf-8")
    ran = command_line.run(root, "delivery", "place", REGISTRY="", BASE_IMAGE="")
    assert (ran.status, f"{FILE} is not valid" in ran.line) == (2, True)


def test_no_file(root: Path, command_line: CommandLine) -> None:
    (root / FILE).unlink()
    ran = command_line.run(root, "delivery", "place", REGISTRY="", BASE_IMAGE="")
    assert f"{FILE} is missing" in ran.line
