"""Questions to git get the same answer whatever a user has set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sluice import git
from sluice.errors import SluiceError

_WHO = ("-c", "user.name=one", "-c", "user.email=one@example.org")
_HOSTILE = """
[color]
    ui = always
[core]
    pager = false
    quotePath = true
    fsmonitor = {hook}
[log]
    showSignature = true
    decorate = full
[status]
    showUntrackedFiles = no
    relativePaths = false
    branch = true
    short = true
[diff]
    noprefix = true
"""


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *_WHO, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, read by a user whose settings change git's output."""
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "-q", ".")
    (folder / "ünï.txt").write_text("one\n")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "one")
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    (tmp_path / "gitconfig").write_text(_HOSTILE.format(hook=hook))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    return folder


def test_the_commit_is_read_although_signatures_are_shown(root: Path) -> None:
    commit, seconds = git.head(root)
    assert len(commit) == 40
    assert seconds > 0


def test_names_are_not_quoted(root: Path) -> None:
    assert git.tracked(root) == ["ünï.txt"]
    assert git.tracked(root, "*.csv") == []


def test_an_untracked_file_is_a_change_although_the_user_hides_them(root: Path) -> None:
    assert not git.changed(root)
    (root / "new").write_text("")
    assert git.changed(root)


def test_no_program_of_the_settings_runs(root: Path) -> None:
    git.changed(root)
    assert not (root.parent / "ran").exists()
    subprocess.run(["git", "status"], cwd=root, check=True, capture_output=True)
    assert (root.parent / "ran").exists(), "the settings of this test run no program"


def test_a_folder_outside_git_is_named_as_git_names_it(tmp_path: Path) -> None:
    assert not git.is_work_tree(tmp_path)
    with pytest.raises(SluiceError, match=r"'git log' failed: fatal: not a git repository"):
        git.head(tmp_path)


def test_git_that_is_not_installed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(SluiceError, match="git is not installed"):
        git.head(root)
