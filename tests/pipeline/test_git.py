"""The output of git does not depend on the user's settings, and its errors are one clear line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice import git
from sluice.errors import SluiceError
from sluice.package import seal

_WHO = ("-c", "user.name=one", "-c", "user.email=one@example.org")

# Each of these changes what some git command prints or runs. HOOK is a program, HOOKS a folder of
# programs, FILE a list of names.
_HOSTILE = [
    *("color.ui=always", "color.status=always", "color.diff=always", "color.grep=always"),
    *("column.ui=always", "core.pager=HOOK", "core.fsmonitor=HOOK", "core.quotePath=true"),
    "core.hooksPath=HOOKS",
    *("diff.autoRefreshIndex=false", "diff.external=HOOK", "diff.ignoreSubmodules=all"),
    *("diff.mnemonicPrefix=true", "diff.noprefix=true", "diff.orderFile=FILE"),
    *("diff.relative=true", "diff.renames=copies", "diff.submodule=log", "grep.column=true"),
    *("grep.fullName=true", "grep.lineNumber=true", "i18n.logOutputEncoding=UTF-16"),
    *("log.date=relative", "log.decorate=full", "log.follow=true", "log.showSignature=true"),
    *("pager.diff=HOOK", "pager.status=HOOK", "status.branch=true", "status.short=true"),
    *("status.relativePaths=true", "status.renames=copies", "status.showStash=true"),
    *("status.showUntrackedFiles=no", "status.submoduleSummary=true", "submodule.recurse=true"),
]
# For its hooks, git sets the variables that name a repository; OTHER is another repository.
_VARIABLES = {
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_COMMON_DIR": "OTHER/.git",
    "GIT_CONFIG_PARAMETERS": "'core.quotePath'='true' 'status.showUntrackedFiles'='no'",
    "GIT_DIR": "OTHER/.git",
    "GIT_EXTERNAL_DIFF": "HOOK",
    "GIT_INDEX_FILE": "OTHER/.git/index",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NAMESPACE": "other",
    "GIT_OBJECT_DIRECTORY": "OTHER/.git/objects",
    "GIT_PAGER": "HOOK",
    "GIT_PREFIX": "folder/",
    "GIT_TRACE": "1",
    "GIT_WORK_TREE": "OTHER",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
}


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *_WHO, *arguments], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """A program which leaves the file `ran` beside it."""
    program = tmp_path / "hook"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    program.chmod(0o755)
    return program


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits, a submodule, a stash, and uncommitted changes."""
    place = tmp_path_factory.mktemp("git")
    inner, folder = place / "inner", place / "repository"
    for repository in (inner, folder):
        repository.mkdir()
        _git(repository, "init", "-q", "-b", "main", ".")
        (repository / "ünï.txt").write_text("one\n")
        (repository / "same.bin").write_text("1\n")
        _git(repository, "add", "-A")
        _git(repository, "commit", "-qm", "one")
    _git(folder, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "inner")
    (folder / "stashed").write_text("stashed\n")
    _git(folder, "add", "stashed")
    _git(folder, "stash", "-q", "--", "stashed")
    (folder / "folder").mkdir()
    (folder / "folder/old.csv").write_text("a,b\n" * 50)
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "ümläut")
    _git(folder, "mv", "folder/old.csv", "folder/new.csv")
    (folder / "ünï.txt").write_text("two\n")
    (folder / "untracked").write_text("")
    _git(folder / "inner", "commit", "-q", "--allow-empty", "-m", "two")
    os.utime(folder / "same.bin", (1, 1))  # git must read the file to see that it has not changed
    return folder


@pytest.fixture(scope="module")
def expected(template: Path) -> dict[str, Any]:
    """The answers about the template under the settings of this machine."""
    return _answers(template)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of the template, which a test may change."""
    return Path(shutil.copytree(template, tmp_path / "repository", symlinks=True))


def _answers(root: Path) -> dict[str, Any]:
    """Every function of the module, called in a subfolder, where paths could differ."""
    first = "HEAD~1"
    folder = root / "folder"
    return {
        "head": git.head(folder),
        "tracked": git.tracked(root),
        "tracked pattern": git.tracked(root, "*.csv"),
        "changed": git.changed(root),
        "changed, only an untracked file": git.changed(root, "untracked"),
        "changed, only a submodule": git.changed(root, "inner"),
        "changed, nothing": git.changed(root, "same.bin"),
        "changed since": git.changed_since(folder, first),
        "commit": git.commit_of(folder, "HEAD~1"),
        "no commit": git.commit_of(folder, "nowhere"),
        "file": git.file_at(folder, first, "ünï.txt"),
        "no file": git.file_at(folder, first, "folder/old.csv"),
        "work tree": git.is_work_tree(folder),
        "grep": git.text(root, "grep", "-h", "-o", "-E", "-e", "[a-z]+", "--", "*.txt"),
    }


def test_the_answers_without_settings(template: Path, expected: dict[str, Any]) -> None:
    root = template
    assert expected == {
        "head": (
            _git(root, "rev-parse", "HEAD"),
            int(_git(root, "show", "-s", "--format=%ct")),
        ),
        "tracked": [".gitmodules", "folder/new.csv", "inner", "same.bin", "ünï.txt"],
        "tracked pattern": ["folder/new.csv"],
        "changed": True,
        "changed, only an untracked file": True,
        "changed, only a submodule": True,
        "changed, nothing": False,
        "changed since": [".gitmodules", "folder/new.csv", "inner", "ünï.txt"],
        "commit": _git(root, "rev-parse", "HEAD~1"),
        "no commit": None,
        "file": b"one\n",
        "no file": None,
        "work tree": True,
        "grep": "two\n",
    }


@pytest.mark.parametrize("settings", [*([one] for one in _HOSTILE), _HOSTILE], ids=str)
def test_no_setting_changes_an_answer_or_runs_a_program(
    settings: list[str],
    template: Path,
    expected: dict[str, Any],
    hook: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = hook.with_name("order")
    order.write_text("ünï.txt\ninner\n")
    hooks = hook.with_name("hooks")
    hooks.mkdir()
    (hooks / "post-index-change").symlink_to(hook)
    configuration = hook.with_name("gitconfig")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    for setting in settings:
        name, _, value = setting.partition("=")
        value = value.replace("HOOKS", str(hooks)).replace("HOOK", str(hook))
        value = value.replace("FILE", str(order))
        _git(template, "config", "--file", str(configuration), name, value)
    assert _answers(template) == expected
    assert not hook.with_name("ran").exists()


@pytest.mark.parametrize("variable", _VARIABLES)
def test_no_environment_variable_changes_an_answer_or_runs_a_program(
    variable: str,
    template: Path,
    expected: dict[str, Any],
    hook: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = template.with_name("inner")
    value = _VARIABLES[variable].replace("HOOK", str(hook)).replace("OTHER", str(other))
    monkeypatch.setenv(variable, value)
    assert _answers(template) == expected
    assert not hook.with_name("ran").exists()


def test_plain_git_would_run_the_program_of_the_configuration(
    root: Path, hook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This shows that the tests above would fail if sluice called git with the user's
    configuration.
    """
    configuration = hook.with_name("gitconfig")
    _git(root, "config", "--file", str(configuration), "core.fsmonitor", str(hook))
    _git(root, "config", "--file", str(configuration), "status.showUntrackedFiles", "no")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    assert _git(root, "status", "--porcelain", "--", "untracked") == ""
    assert hook.with_name("ran").exists()


@pytest.mark.parametrize("kind", ["PGP", "SSH"])
def test_a_package_of_a_signed_commit_is_built_although_signatures_are_shown(
    kind: str, root: Path, hook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub signs every merge that is made on its pages."""
    commit = _rewrite_head(
        root,
        f"gpgsig -----BEGIN {kind} SIGNATURE-----\n \n aGVsbG8=\n -----END {kind} SIGNATURE-----",
    )
    _git(root, "update-ref", "HEAD", commit)
    verifier = hook.with_name("verifier")
    verifier.write_text("#!/bin/sh\necho 'Signature made today' | tee /dev/stderr\nexit 1\n")
    verifier.chmod(0o755)
    configuration = hook.with_name("gitconfig")
    configuration.write_text(
        f'[log]\n\tshowSignature = true\n[gpg]\n\tprogram = "{verifier}"\n'
        f'[gpg "ssh"]\n\tprogram = "{verifier}"\n\tallowedSignersFile = "{configuration}"\n',
        "utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    assert len(_git(root, "log", "-1", "--format=%H %ct").split()) > 2
    source = seal.source_of(root)
    assert (source.commit, source.clean) == (commit, False)


def test_a_replaced_commit_is_read_as_in_every_other_clone(root: Path) -> None:
    expected = git.head(root)
    _git(root, "replace", "HEAD", _rewrite_head(root, "x-other yes", seconds=1))
    assert _git(root, "log", "-1", "--format=%ct") == "1"
    assert git.head(root) == expected


def _rewrite_head(root: Path, header: str, seconds: int | None = None) -> str:
    """Write a copy of the commit HEAD with one more header; return its hash."""
    head, _, message = (_git(root, "cat-file", "commit", "HEAD") + "\n").partition("\n\n")
    if seconds is not None:
        head = re.sub(r"^(committer .*> )\d+", rf"\g<1>{seconds}", head, flags=re.MULTILINE)
    written = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        input=f"{head}\n{header}\n\n{message}".encode(),
        cwd=root,
        check=True,
        capture_output=True,
    )
    return written.stdout.decode().strip()


def test_a_question_does_not_write_the_index(root: Path) -> None:
    index = root / ".git/index"
    os.utime(root / "folder/new.csv", (2, 2))
    before = index.read_bytes()
    git.changed(root)
    assert index.read_bytes() == before
    _git(root, "status")
    assert index.read_bytes() != before, "nothing in this test makes git refresh the index"


def test_a_path_with_any_bytes_comes_back_as_it_is(root: Path) -> None:
    name = os.fsdecode(b'\xff\n\t".csv')
    (root / name).write_text("")
    _git(root, "add", "-A")
    assert name in git.tracked(root)


def _own(path: Path, uid: int) -> None:
    for one in [path, *path.rglob("*")]:
        os.chown(one, uid, uid, follow_symlinks=False)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (
            lambda root, _: _git(root, "init", "-q", "."),
            "'git log' failed: your current branch 'main' does not have any commits yet; run "
            "'git add .' and 'git commit' first",
        ),
        (
            lambda root, _: None,
            "'git log' failed: not a git repository (or any of the parent directories): .git; run "
            "'git init', 'git add .' and 'git commit' first",
        ),
        (
            lambda root, monkeypatch: monkeypatch.setenv("PATH", str(root)),
            "git is not installed: install it and run this again",
        ),
        (lambda root, _: root.rmdir(), "ROOT is not a folder, so git cannot run in it"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    configuration = tmp_path / "gitconfig"
    configuration.write_text("[init]\n\tdefaultBranch = main\n", "utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    spoil(root, monkeypatch)
    with pytest.raises(SluiceError) as caught:
        git.head(root)
    assert str(caught.value) == line.replace("ROOT", str(root))
    monkeypatch.undo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to someone else")
def test_a_repository_of_another_user_is_refused_with_the_command_of_git(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    _own(root, 12345)
    assert not git.is_work_tree(root)
    with pytest.raises(SluiceError) as caught:
        git.tracked(root)
    assert str(caught.value) == (
        f"'git ls-files' failed: detected dubious ownership in repository at '{root}'; if you "
        f"trust it, run 'git config --global --add safe.directory {root}'"
    )
    _own(root, os.geteuid())
