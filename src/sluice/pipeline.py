"""Reproduce the whole road with DVC, and report whatever comes of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from sluice.check import gate
from sluice.config import read_yaml
from sluice.errors import SluiceError
from sluice.project import Project
from sluice.verdict import Verdict

TROUBLE = "trouble.txt"


def run(project: Project, base: Path | None = None) -> bool:
    """Run what changed, then write the report; returns whether the candidate may be released."""
    try:
        _ = project.settings
        _usable_tree(project)
        _whole_road(project)
        _nothing_brought_along(project.root.resolve())
        _forget_refusals(project)
        _forget_candidates(project)
        _have_data(project)
        done = _dvc(project, "repro", "--keep-going") == 0
        if not done:
            _forget_unconfirmed(project)
    except Exception as error:
        said = str(error) if isinstance(error, SluiceError) else f"{type(error).__name__}: {error}"
        _report(project, [gate.not_run(name) for name in gate.GATES], base, said)
        raise
    verdicts = gate.collect(project)
    releasable = done and all(verdict.passes for verdict in verdicts)
    if releasable and base is None and (project.package / "reports").is_dir():
        _take_over_report(project)
    else:
        _report(project, verdicts, base, None if done else _trouble(project, verdicts))
    return releasable


def _report(
    project: Project, verdicts: list[Verdict], base: Path | None, trouble: str | None
) -> None:
    from sluice.report.write import write

    try:
        write(project, verdicts, base=base, trouble=trouble)
    except OSError:  # a full disk: better no report than that of an earlier run
        shutil.rmtree(project.report, ignore_errors=True)
        raise


def _take_over_report(project: Project) -> None:
    """The package was assembled from these verdicts, and its report says the same."""
    rest = shutil.ignore_patterns("verdicts", "evidence")
    shutil.copytree(project.package / "reports", project.report, ignore=rest, dirs_exist_ok=True)


def _forget_refusals(project: Project) -> None:
    """DVC keeps no refusal: one that is found after this run was given by this run."""
    for name in gate.GATES:
        verdict = project.verdict(name)
        if verdict.is_file() and not gate.read(project, name).passes:
            verdict.unlink()
    (project.out / TROUBLE).unlink(missing_ok=True)


def _forget_candidates(project: Project) -> None:
    """Who is a candidate no more must not count among them: a fresh clone has no such folder."""
    for folder in (project.out / "candidates").glob("*"):
        if folder.name not in project.settings.candidates:
            shutil.rmtree(folder)


def _forget_unconfirmed(project: Project) -> None:
    """Drop the passes of gates that this run neither ran nor found unchanged.

    When something refuses, what hangs on it does not run, and the verdict of an
    earlier run would stand in for it.
    """
    import networkx
    from dvc.repo import Repo

    with Repo(str(project.root)) as repo:
        graph = networkx.relabel_nodes(repo.index.graph, lambda stage: stage.addressing)
        changed = set(repo.status())
    unconfirmed = changed.union(*(networkx.ancestors(graph, name) for name in changed & set(graph)))
    for name in unconfirmed & set(gate.GATES):
        if gate.read(project, name).passes:
            project.verdict(name).unlink()


def _usable_tree(project: Project) -> None:
    for name in ("dvc.yaml", "data.dvc", ".dvc/config"):
        if not (project.root / name).is_file():
            raise SluiceError(f"{name} is missing: run this in the project's folder")


def _whole_road(project: Project) -> None:
    """Each gate is a stage that runs when what it judges has changed.

    Where one is gone, frozen or looks elsewhere, DVC is content, and the verdict
    of an earlier run would stand.
    """
    wanted = {name: (f"sluice check {name}", ("out/model", "out/split")) for name in gate.GATES}
    own = {**{name: name for name in gate.GATES}, "data-quality": "quality", "scenarios": "parity"}
    wanted["data-quality"] = ("sluice check data-quality", ("data",))
    wanted["package"] = ("sluice package assemble", ("out/verdicts", "out/model"))
    stages = _stages(project)
    for name, (command, needs) in wanted.items():
        stage = stages.get(name, {})
        if stage.get("cmd") != command or any(need not in stage.get("deps", ()) for need in needs):
            raise SluiceError(
                f"dvc.yaml: the stage {name!r} must run '{command}' and depend on "
                f"{' and '.join(needs)}"
            )
    for name, section in own.items():
        for key in ("accept", section):
            if key not in stages[name].get("params", ()):
                raise SluiceError(f"dvc.yaml: the stage {name!r} must name {key!r} under params")
    for name, stage in stages.items():
        if stage.get("frozen"):
            raise SluiceError(f"dvc.yaml: the stage {name!r} is frozen, so it would not run")


def _nothing_brought_along(root: Path) -> None:
    """Refuse outputs that git checked out: a commit could bring the verdicts on itself.

    DVC takes an output out of its cache when dvc.lock names it, without a run.
    """
    for folder in (root / "out", _cache(root)):
        place = folder.resolve()
        if not place.is_relative_to(root):
            continue
        command = ["git", "ls-files", "--", str(place)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SluiceError(f"git cannot tell what it tracks: {' '.join(done.stderr.split())}")
        if done.stdout:
            name = place.relative_to(root)
            raise SluiceError(
                f"git tracks {done.stdout.splitlines()[0]}: what gates said must come from a run, "
                f"not with a commit; 'git rm -r --cached {name}', or mend [cache] in .dvc/config"
            )


def _cache(root: Path) -> Path:
    settings = [root / ".dvc" / name for name in ("config", "config.local")]
    if not any("cache" in path.read_text("utf-8") for path in settings if path.is_file()):
        return root / ".dvc" / "cache"
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return Path(repo.cache.local_cache_dir)


def _stages(project: Project) -> dict[str, dict[str, Any]]:
    raw = read_yaml(project.root / "dvc.yaml")
    stages = raw.get("stages") if isinstance(raw, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise SluiceError("dvc.yaml: expected stages by name")
    return stages


def _have_data(project: Project) -> None:
    if not project.data.exists() and _dvc(project, "pull", "--quiet", "data.dvc"):
        raise SluiceError(
            f"{project.settings.data.file} is not here and 'dvc pull' could not bring it: "
            "mend data.file in params.yaml, or 'dvc add data' and 'dvc push' where the data is"
        )


def _dvc(project: Project, *arguments: str) -> int:
    """Run DVC with this environment's commands first on the path; returns its exit status."""
    here = str(Path(sys.executable).parent)
    path = os.pathsep.join([here, os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(command, cwd=project.root, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End DVC and its stage: DVC itself would only go on with the next one."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        parent.suspend()  # or it starts a stage after its children were counted
        for member in [*parent.children(recursive=True), parent]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()


def _trouble(project: Project, verdicts: list[Verdict]) -> str | None:
    """The line that a stage without a verdict stopped with."""
    path = project.out / TROUBLE
    if path.is_file():
        return path.read_text("utf-8").strip()
    if all(verdict.passes for verdict in verdicts):
        return "Every gate passes, but DVC could not finish the run: its own output says why."
    return None
