"""The files that editors, hooks and dev containers read agree with the rest of the repository."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)


def yaml(name: str) -> Any:
    return YAML(typ="safe").load((ROOT / name).read_text("utf-8"))


def container() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (ROOT / ".devcontainer/devcontainer.json").read_text("utf-8")
    )
    return found


def make_targets(command: str) -> list[str]:
    program, *targets = command.split()
    assert program == "make"
    return targets


def test_the_dev_container_has_a_python_that_ci_tests() -> None:
    version = re.fullmatch(
        r"mcr\.microsoft\.com/devcontainers/python:(3\.\d+)-bookworm", container()["image"]
    )
    assert version
    jobs = yaml(".github/workflows/ci.yml")["jobs"].values()
    matrices = [job["strategy"]["matrix"] for job in jobs if "strategy" in job]
    tested = {python for matrix in matrices for python in matrix.get("python", [])}
    assert version[1] in tested
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    assert oldest in tested


def test_the_dev_container_sets_up_what_the_tests_import() -> None:
    assert set(make_targets(container()["postCreateCommand"])) <= set(TARGETS)


def test_hooks_call_make_targets_that_exist() -> None:
    (local,) = yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        assert hook["language"] == "system"
        assert set(make_targets(hook["entry"])) <= set(TARGETS)


def test_hooks_run_what_ci_runs() -> None:
    ci = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    (local,) = yaml(".pre-commit-config.yaml")["repos"]
    assert "make check" in ci
    assert "make check" in [hook["entry"] for hook in local["hooks"]]


def test_the_editor_wraps_python_where_ruff_does() -> None:
    editor = configparser.ConfigParser()
    editor.read_string("[top]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    assert editor["*.py"]["max_line_length"] == str(PYPROJECT["tool"]["ruff"]["line-length"])
    assert editor["*"]["end_of_line"] == "lf"


def test_no_text_file_breaks_the_editor_s_rules() -> None:
    """Files that an editor reformats on saving would clutter every pull request."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.py", "*.md", "*.yml", "*.yaml", "*.toml", "*.j2", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        content = (ROOT / name).read_bytes()
        assert b"\r" not in content, name
        assert content.endswith(b"\n") or not content, name
        assert not re.search(rb"[ \t]+$", content, re.M), name
