"""Which scenarios and expectations of the base a contribution no longer declares."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sluice import files, git
from sluice.confined.run import run as run_confined
from sluice.errors import SluiceError
from sluice.project import Project

_SOURCE = "src/usecase"


def gone(project: Project, commit: str) -> tuple[str, ...]:
    """The scenarios and expectations that the base declares and this run's gates did not check.

    The names are sorted. commit: the base. The base's code runs confined, like all code of a use
    case. If either side cannot be read, the result is empty, and the gates report why.
    """
    before = _of_commit(project.root, commit)
    after = _of_run(project)
    return tuple(sorted(name for name in before if name not in after)) if after is not None else ()


def _of_run(project: Project) -> set[str] | None:
    found: set[str] = set()
    for gate in ("data-quality", "scenarios"):
        try:
            record = files.read_json(project.evidence(gate) / "declared.json")
        except SluiceError:
            return None
        found |= _named(gate, record["names"])
    return found


def _of_commit(root: Path, commit: str) -> set[str]:
    with TemporaryDirectory(prefix="sluice-base-") as scratch:
        base = Path(scratch)
        _write_source(root, commit, base)
        try:
            with run_confined(base, "scenarios") as results:
                scenarios = results.json("scenarios.json", list[dict[str, Any]])
            with run_confined(base, "expectations") as results:
                expectations = results.json("names.json", list[str])
        except SluiceError:
            return set()
    names = [str(one.get("name")) for one in scenarios]
    return _named("scenarios", names) | _named("data-quality", expectations)


def _named(gate: str, names: Iterable[str]) -> set[str]:
    return {f"{gate}: {name}" for name in names}


def _write_source(root: Path, commit: str, base: Path) -> None:
    """Write the plain files that a commit has under src/usecase into the folder `base`."""
    (base / _SOURCE).mkdir(parents=True)
    listed = git.read(root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{_SOURCE}/")
    for entry in filter(None, listed.split(b"\0")):
        kind, _, name = entry.partition(b"\t")
        path = PurePosixPath(name.decode("utf-8", "surrogateescape"))
        if kind.startswith(b"100") and ".." not in path.parts:
            content = git.file_at(root, commit, str(path))
            files.write(base / path, content or b"")
