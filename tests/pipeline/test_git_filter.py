"""A filter in git's settings does not run, and hides no change."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sluice import git


def _git(root: Path, *arguments: str) -> str:
    own = ("-c", "user.name=one", "-c", "user.email=one@example.org")
    return subprocess.run(
        ["git", "-C", str(root), *own, *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_filter_that_shows_the_committed_content_hides_no_change(tmp_path: Path) -> None:
    """A program in .git/config could make git believe that a changed file is unchanged."""
    root = tmp_path / "filtered"
    root.mkdir()
    _git(root, "init", "-q")
    (root / "file").write_text("before\n", "utf-8")
    _git(root, "add", "file")
    _git(root, "commit", "-qm", "one")
    ran = tmp_path / "ran"
    _git(root, "config", "filter.hide.clean", f"touch '{ran}'; echo before; true")
    _git(root, "config", "filter.hide.required", "true")
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("file filter=hide\n", "utf-8")
    (root / "file").write_text("behind\n", "utf-8")  # of equal size, or git would run no filter
    assert not _git(root, "status", "--porcelain")
    assert ran.exists()
    ran.unlink()
    assert git.changed(root)
    assert git.changed_since(root, "HEAD") == ["file"]
    assert git.changed_files(root) == ["file"]
    assert not ran.exists()
