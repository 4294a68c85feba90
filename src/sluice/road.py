"""Is this tree one that the gates can be trusted in?

DVC runs what dvc.yaml says and skips what it takes for unchanged: whoever may
edit that could leave a gate out, or bring its verdict along.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from sluice.check import gate
from sluice.config import read_yaml
from sluice.errors import SluiceError
from sluice.project import Project


def require_whole(project: Project) -> None:
    """Raise SluiceError unless every gate is on the road and nothing stands in for a run."""
    _usable_tree(project)
    _every_gate(project)
    _nothing_brought_along(project.root.resolve())


def _usable_tree(project: Project) -> None:
    for name in ("dvc.yaml", "data.dvc", ".dvc/config"):
        if not (project.root / name).is_file():
            raise SluiceError(f"{name} is missing: run this in the project's folder")


def _every_gate(project: Project) -> None:
    """Each gate is a stage that runs when what it judges has changed.

    Where one is gone, frozen or looks elsewhere, DVC is content, and the verdict
    of an earlier run would stand.
    """
    wanted: dict[str, tuple[str, tuple[str, ...]]] = {
        name: (f"sluice check {name}", ("out/model", "out/split")) for name in gate.GATES
    }
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
