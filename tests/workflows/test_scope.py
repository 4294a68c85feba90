"""scope.py: the tests of the machinery are skipped only if no changed file can affect them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.fixture_project import Toy

SCRIPT = Path(__file__).parents[2] / ".github/scope.py"
PLAIN = {
    "params.yaml": "name: shop\n",
    "data.dvc": "outs: []\n",
    "dvc.lock": "schema: '2.0'\n",
    "README.md": "# Shop\n",
    ".dvc/store/files/md5/aa/bb": "1\n",
    "docs/release.md": "# Release\n",
    "src/usecase/scenarios.py": "SCENARIOS = []\n",
    "src/sluice/cli.py": "print('sluice')\n",
    "tests/usecase/test_usecase.py": "def test_it(): ...\n",
    "tests/check/test_gate.py": "def test_it(): ...\n",
    ".github/scope.py": "the decision of the base branch\n",
}
Edit = Callable[[Toy], object]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A repository with one commit on main."""
    toy = Toy(tmp_path_factory.mktemp("base"))
    for name, text in PLAIN.items():
        toy.write(name, text)
    toy.git("init", "-q", "-b", "main")
    toy.commit()
    return toy


@pytest.fixture
def toy(repository: Toy, tmp_path: Path) -> Toy:
    return repository.copy(tmp_path / "change")


def merge(toy: Toy, edit: Edit) -> None:
    """Commit the edit on a branch, and check out its merge with main, as GitHub does."""
    toy.git("checkout", "-q", "-b", "proposal")
    edit(toy)
    toy.git("commit", "-q", "--allow-empty", "-m", "change")
    toy.git("checkout", "-q", "--force", "main")
    toy.git("merge", "-q", "--no-ff", "-m", "merge", "proposal")


def decide(repository: Path, folder: Path) -> tuple[str, str]:
    """The script's decision about the tests of the machinery, and its printed reasons."""
    written, printed = run(repository, folder)
    lines = [line for line in printed.splitlines(keepends=True) if " cluster " not in line]
    return written.splitlines(keepends=True)[0], "".join(lines)


def run(repository: Path, folder: Path) -> tuple[str, str]:
    """The script's outputs for the next jobs, and what it prints."""
    output = folder / "output"
    environment = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(output)}
    ran = subprocess.run(
        [sys.executable, "-I", SCRIPT, repository],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return output.read_text("utf-8"), ran.stdout


def write(name: str, text: str = "new\n") -> Edit:
    def edit(toy: Toy) -> None:
        toy.write(name, text)
        toy.git("add", "-A")

    return edit


def move(old: str, new: str) -> Edit:
    def edit(toy: Toy) -> None:
        (toy.root / new).parent.mkdir(parents=True, exist_ok=True)
        toy.git("mv", old, new)

    return edit


def remove(name: str) -> Edit:
    return lambda toy: toy.git("rm", "-q", "-r", name)


def entry(mode: str, name: str) -> Edit:
    """Give a path another mode in git's index, because some file systems lack such modes."""

    def edit(toy: Toy) -> None:
        commit = toy.git("rev-parse", "HEAD")
        content = commit if mode == "160000" else toy.git("rev-parse", "HEAD:README.md")
        toy.git("rm", "-q", "-r", "--cached", "--ignore-unmatch", name)
        toy.git("update-index", "--add", "--cacheinfo", f"{mode},{content},{name}")

    return edit


def hide_a_submodule(toy: Toy) -> None:
    """`ignore = all` hides a submodule from `git diff`."""
    toy.write(".gitmodules", '[submodule "x"]\n\tpath = src/x\n\turl = ./x\n\tignore = all\n')
    toy.git("add", ".gitmodules")
    entry("160000", "src/x")(toy)


def several(*edits: Edit) -> Edit:
    def edit(toy: Toy) -> None:
        for one in edits:
            one(toy)

    return edit


HARMLESS: dict[str, Edit] = {
    "parameters": several(write("params.yaml"), write("dvc.lock")),
    "an adoption": several(write("params.yaml"), write("adopted.yaml"), write("data.dvc")),
    "new rows": several(write("data.dvc"), write(".dvc/store/files/md5/cc/dd")),
    "code of the use case": write("src/usecase/candidates.py"),
    "a test of the use case": write("tests/usecase/deeper/test_more.py"),
    "a text": several(write("README.md"), write("docs/new page.md"), write("docs/übersicht.md")),
    "a text is deleted": remove("docs/release.md"),
    "a text is renamed": move("docs/release.md", "docs/releases.md"),
}
NEEDS_TESTS: dict[str, Edit] = {
    "the machinery": write("src/sluice/cli.py"),
    "a test of the machinery": write("tests/check/test_gate.py"),
    "a new file at the top": write("setup.cfg"),
    "the workflow": write(".github/workflows/ci.yml"),
    "the decision itself": write(".github/scope.py", "print('machinery=skip')\n"),
    "a harmless file and another": several(write("docs/a.md"), write("Makefile")),
    "nothing": lambda _: None,
    "the machinery is deleted": remove("src/sluice/cli.py"),
    "a test is moved among the texts": move("tests/check/test_gate.py", "docs/test_gate.py"),
    "a text is moved into the machinery": move("docs/release.md", "src/sluice/release.md"),
    "a link": entry("120000", "docs/link.md"),
    "a link in the place of a file": entry("120000", "params.yaml"),
    "a link in the place of a folder": entry("120000", "src/usecase"),
    "a submodule": entry("160000", "docs/other"),
    "a submodule in the place of a folder": entry("160000", "src/usecase"),
    "a submodule that is hidden": hide_a_submodule,
    "an executable": entry("100755", "docs/run.sh"),
    "a file becomes executable": entry("100755", "src/usecase/scenarios.py"),
    "a folder in the place of a file": several(
        remove("params.yaml"), write("params.yaml/settings.yaml")
    ),
    "a file in the place of a folder": several(remove("docs"), write("docs")),
    "another case of a folder": write("Docs/release.md"),
    "another case of a file": write("readme.md"),
    "another case inside src": write("SRC/usecase/scenarios.py"),
    "a name that only begins alike": several(write("docs2/x.md"), write("params.yaml.py")),
    "a listed name in another folder": write("src/sluice/README.md"),
    "a line break in a name": write("docs/a\nmachinery=skip.md"),
    "a name that looks like a rename": write("docs/{a => b}.md\t../src"),
}


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_changes_that_cannot_affect_the_machinery(toy: Toy, tmp_path: Path, edit: Edit) -> None:
    merge(toy, edit)
    written, printed = decide(toy.root, tmp_path)
    assert written == "machinery=skip\n", printed


@pytest.mark.parametrize("edit", NEEDS_TESTS.values(), ids=NEEDS_TESTS)
def test_all_other_changes_need_the_tests(toy: Toy, tmp_path: Path, edit: Edit) -> None:
    merge(toy, edit)
    written, printed = decide(toy.root, tmp_path)
    assert written == "machinery=run\n"
    assert all(line.startswith("The tests of the machinery run: ") for line in printed.splitlines())


CLUSTER: dict[str, Edit] = {
    "a manifest": write("deploy/kubernetes/base/services.yaml"),
    "the ladder": write("src/sluice/rollout/ladder.py"),
    "the server": several(write("docs/a.md"), write("src/sluice/serve/worker.py")),
    "the image": write("image/Dockerfile"),
    "the decision itself": write(".github/scope.py", "print('cluster=skip')\n"),
    "a link": entry("120000", "docs/link.md"),
    "the manifests become texts": move("docs/release.md", "deploy/kubernetes/release.md"),
}
NO_CLUSTER: dict[str, Edit] = HARMLESS | {
    "a gate": write("src/sluice/check/gate.py"),
    "a test": write("tests/check/test_gate.py"),
    "production on one machine": write("deploy/compose/compose.yaml"),
    "a name that only begins alike": write("deploy/kubernetes2/x.yaml"),
}


@pytest.mark.parametrize("edit", CLUSTER.values(), ids=CLUSTER)
def test_changes_that_need_a_rollout_on_a_cluster(toy: Toy, tmp_path: Path, edit: Edit) -> None:
    merge(toy, edit)
    written, printed = run(toy.root, tmp_path)
    assert written.endswith("\ncluster=run\n")
    assert "A rollout on a cluster is tried: " in printed


@pytest.mark.parametrize("edit", NO_CLUSTER.values(), ids=NO_CLUSTER)
def test_changes_that_do_not_affect_a_rollout_on_a_cluster(
    toy: Toy, tmp_path: Path, edit: Edit
) -> None:
    merge(toy, edit)
    written, printed = run(toy.root, tmp_path)
    assert written.endswith("\ncluster=skip\n"), printed


def test_without_a_decision_both_jobs_are_needed(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", tmp_path)[0] == "machinery=run\ncluster=run\n"


def test_a_name_that_is_not_utf_8(toy: Toy, tmp_path: Path) -> None:
    def edit(toy: Toy) -> None:
        Path(os.fsdecode(os.fsencode(toy.root) + b"/docs/\xff.md")).write_text("x")
        toy.git("add", "-A")

    merge(toy, edit)
    assert decide(toy.root, tmp_path)[0] == "machinery=run\n"


def tree(toy: Toy, *entries: str) -> str:
    """Write a tree by hand: git refuses to add some names, and reads them all the same."""
    ran = subprocess.run(
        ["git", "mktree"],
        cwd=toy.root,
        input="\n".join(entries),
        text=True,
        capture_output=True,
        check=True,
    )
    return ran.stdout.strip()


def test_a_path_that_leads_out_of_a_folder(toy: Toy, tmp_path: Path) -> None:
    docs = tree(toy, f"040000 tree {toy.git('rev-parse', 'HEAD:src')}\t..")
    others = [line for line in toy.git("ls-tree", "HEAD").splitlines() if line[-4:] != "docs"]
    top = tree(toy, *others, f"040000 tree {docs}\tdocs")
    base, change = (
        toy.git("rev-parse", "HEAD"),
        toy.git("commit-tree", top, "-p", "HEAD", "-m", "x"),
    )
    toy.git("update-ref", "HEAD", toy.git("commit-tree", top, "-p", base, "-p", change, "-m", "x"))
    written, printed = decide(toy.root, tmp_path)
    assert written == "machinery=run\n"
    assert "docs/../sluice/cli.py" in printed


def test_settings_hide_no_submodule(toy: Toy, tmp_path: Path) -> None:
    toy.git("config", "diff.ignoreSubmodules", "all")
    hide_a_submodule(toy)
    toy.git("commit", "-q", "-m", "a submodule on main")
    merge(toy, several(write("docs/a.md"), entry("160000", "src/x")))
    assert toy.git("diff", "--name-only", "HEAD^1", "HEAD") == "docs/a.md"
    written, printed = decide(toy.root, tmp_path)
    assert written == "machinery=run\n"
    assert "src/x :160000" in printed


def test_a_commit_that_is_not_a_merge(toy: Toy, tmp_path: Path) -> None:
    write("docs/a.md")(toy)
    toy.commit()
    written, printed = decide(toy.root, tmp_path)
    assert written == "machinery=run\n"
    assert "a merge of a pull request has 2" in printed


def test_no_repository_is_there(tmp_path: Path) -> None:
    assert decide(tmp_path / "nowhere", tmp_path)[0] == "machinery=run\n"


@pytest.mark.parametrize("missing", ["base", "tree"])
def test_git_does_not_have_what_changed(toy: Toy, tmp_path: Path, missing: str) -> None:
    merge(toy, write("docs/a.md"))
    name = {"base": "HEAD^1", "tree": "HEAD^1^{tree}"}[missing]
    commit = toy.git("rev-parse", name)
    (toy.root / ".git/objects" / commit[:2] / commit[2:]).unlink()
    assert decide(toy.root, tmp_path)[0] == "machinery=run\n"


def test_a_shallow_clone_is_enough_for_the_decision(toy: Toy, tmp_path: Path) -> None:
    merge(toy, write("docs/a.md"))
    clone = tmp_path / "clone"
    toy.git("clone", "-q", "--depth=2", f"file://{toy.root}", str(clone))
    assert decide(clone, tmp_path)[0] == "machinery=skip\n"
