"""dvc.yaml names every source file that a stage uses, so that no change of code is missed.

DVC does not run a stage again when none of its `deps` changed. If a source file is missing there
and changes, DVC would reuse the result of the old code. The command line (`cli.py`, `commands/`) is
left out: it only calls the function of the stage.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.files import read_yaml
from sluice.gates import GATES

CHECKOUT = Path(__file__).parents[2]
SOURCES = CHECKOUT / "src"
STAGES = read_yaml(CHECKOUT / "dvc.yaml")["stages"]

# The modules in which each stage starts. The stage `package` depends on the whole of src.
STARTS = {gate: ["check/run.py", f"check/{gate.replace('-', '_')}.py"] for gate in GATES}
STARTS |= {"split": ["train/split.py"], "train": ["train/candidate.py"]}
STARTS |= {"select": ["train/select.py"], "export": ["train/export.py"]}


def used_by(stage: str) -> set[str]:
    """The source files that a stage uses, directly or through others, as dvc.yaml names them."""
    found: set[Path] = set()
    waiting = [SOURCES / "sluice" / start for start in STARTS[stage]]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_by(path)
    # A package's `__init__.py` has only its docstring, unless it has imports.
    return {path.relative_to(CHECKOUT).as_posix() for path in found if path.name != "__init__.py"}


def imported_by(path: Path) -> Iterator[Path]:
    """The files under src that a file imports when it runs, including imports in functions."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in nodes_that_run(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield from files_of(name.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield from files_of(f"{node.module}.{name.name}")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "usecase.load",
            "run_confined",
        ):
            module = node.args[1]
            assert isinstance(module, ast.Constant), "expected the module's name as plain text"
            package = "usecase" if ast.unparse(node.func) == "usecase.load" else "sluice.guest"
            yield from files_of(f"{package}.{module.value}")
            # The process that is confined starts there.
            yield from files_of("sluice.confined.supervisor" if package != "usecase" else package)


def nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """Every node except those in `if TYPE_CHECKING`, which never runs."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from nodes_that_run(child)


def files_of(dotted: str) -> Iterator[Path]:
    """The files that Python runs to import a module, or the module that defines a name."""
    path = SOURCES
    for part in dotted.split("."):
        path = path / part
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                yield file


def covered(path: str, deps: list[str]) -> bool:
    return any(path == dep or path.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize("stage", STARTS)
def test_a_stage_depends_on_every_source_file_that_it_uses(stage: str) -> None:
    missing = sorted(path for path in used_by(stage) if not covered(path, STAGES[stage]["deps"]))
    assert not missing, f"dvc.yaml: add to the deps of the stage {stage!r}: {', '.join(missing)}"


@pytest.mark.parametrize("stage", STARTS)
def test_a_stage_depends_on_no_source_file_that_it_does_not_use(stage: str) -> None:
    """A change of such a file would retrain the models unnecessarily."""
    used = used_by(stage)
    named = [dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")]
    idle = [dep for dep in named if not any(covered(path, [dep]) for path in used)]
    assert not idle, f"dvc.yaml: remove from the deps of the stage {stage!r}: {', '.join(idle)}"


@pytest.mark.parametrize("stage", STARTS)
def test_a_stage_that_loads_the_use_case_depends_on_all_of_it(stage: str) -> None:
    """The modules of a use case may import each other."""
    loads = any(path.startswith("src/usecase/") for path in used_by(stage))
    assert loads == ("src/usecase" in STAGES[stage]["deps"])


def test_a_missing_dependency_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports count in functions, through packages and through modules, but not for types alone."""
    sources = {
        "sluice/train/split.py": "from sluice import first\n"
        "def run():\n    import sluice.deep.second",
        "sluice/first.py": "if TYPE_CHECKING:\n    from sluice import types_only\n"
        "def use(project):\n    usecase.load(project, 'candidates', 'CANDIDATES')",
        "sluice/types_only.py": "",
        "sluice/deep/__init__.py": "from sluice import third",
        "sluice/deep/second.py": "",
        "sluice/third.py": "",
        "usecase/candidates.py": "from sluice.fourth import NAME",
        "sluice/fourth.py": "",
        "sluice/unrelated.py": "",
    }
    for name, text in sources.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setitem(globals(), "CHECKOUT", tmp_path)
    monkeypatch.setitem(globals(), "SOURCES", tmp_path / "src")
    modules = ("train/split", "first", "deep/second", "third", "fourth")
    expected = {*(f"src/sluice/{name}.py" for name in modules), "src/usecase/candidates.py"}
    assert used_by("split") == expected
