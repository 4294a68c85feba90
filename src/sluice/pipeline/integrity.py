"""Is this tree one that the gates can be trusted in?

DVC runs what dvc.yaml says and skips what it takes for unchanged: whoever may
edit that could leave a gate out, or bring its verdict along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice import gates, git
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.project import Project

# What each stage of the road leaves, and nothing else does.
_OUTS = {
    **{name: {f"out/verdicts/{name}.json", f"out/evidence/{name}"} for name in gates.GATES},
    "parity": {"out/verdicts/parity.json"},
    "split": {"out/split"},
    "train": {"out/candidates/${item.candidate}"},
    "select": {"out/selection.json"},
    "export": {"out/model"},
    "package": {"out/package"},
}
_PLACES = (
    *("out/verdicts", "out/evidence", "out/package", "out/model"),
    *("out/split", "out/candidates", "out/selection.json"),
)
_KEYS = {"cmd", "deps", "params", "outs"}
_EACH_CANDIDATE = {"candidate": "${candidates}"}


def require_whole(project: Project) -> None:
    """Raise SluiceError unless every gate is on the road and nothing stands in for a run."""
    _usable_tree(project)
    _every_gate(project)
    _nothing_beside(project)
    _no_other_road(project.root)
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
        name: (f"sluice check {name}", ("out/model", "out/split")) for name in gates.GATES
    }
    own = {**{name: name for name in gates.GATES}, "data-quality": "quality", "scenarios": "parity"}
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


def _nothing_beside(project: Project) -> None:
    """Each stage of the road is one that DVC runs here, and alone writes what it owns.

    A matrix of nothing is no stage, a wdir has another folder judged, and a stage beside
    the road could write what a gate should have said.
    """
    stages = _stages(project)
    for name, stage in stages.items():
        if any("wdir" in body for body in _bodies(stage)):
            raise SluiceError(
                f"dvc.yaml: the stage {name!r} has a 'wdir'; expected every stage to run in the "
                "project's folder"
            )
    for name, outs in _OUTS.items():
        stage = stages.get(name, {})
        keys = _KEYS | {"matrix"} if name == "train" else _KEYS
        if other := sorted(str(key) for key in stage.keys() - keys):
            raise SluiceError(
                f"dvc.yaml: the stage {name!r} has {other[0]!r}; expected no other keys than "
                f"{', '.join(sorted(keys))}"
            )
        if name == "train" and stage.get("matrix") != _EACH_CANDIDATE:
            raise SluiceError("dvc.yaml: the stage 'train' must have a matrix of ${candidates}")
        found = stage.get("outs")
        if not isinstance(found, list) or sorted(map(repr, found)) != sorted(map(repr, outs)):
            raise SluiceError(
                f"dvc.yaml: the stage {name!r} must have the outs {' and '.join(sorted(outs))}, "
                "without settings, and no other"
            )
    for name in stages.keys() - _OUTS.keys():
        for out in _outputs(stages[name]):
            _keep_off(project.root, f"dvc.yaml: the stage {name!r}", out)


def _bodies(stage: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A stage, and what it repeats under `do`."""
    yield stage
    if isinstance(stage.get("do"), Mapping):
        yield stage["do"]


def _outputs(stage: Mapping[str, Any]) -> Iterator[str]:
    for body in _bodies(stage):
        for key in ("outs", "metrics", "plots"):
            listed = body.get(key) or ()
            for entry in listed if isinstance(listed, list) else [listed]:
                yield from map(str, entry if isinstance(entry, Mapping) else [entry])


def _keep_off(root: Path, whose: str, out: str, folder: str = ".") -> None:
    """Refuse an output in or above a place that a stage of the road owns, however it is spelled."""
    if "${" in out or "://" in out:
        raise SluiceError(f"{whose} has the output {out!r}; expected a path spelled out")
    there = _settled(root / folder / out)
    for place in _PLACES:
        own = _settled(root / place)
        if there.is_relative_to(own) or own.is_relative_to(there):
            raise SluiceError(
                f"{whose} has the output {out!r}; expected it neither in nor above {place}, "
                "which the road's own stages write"
            )


def _settled(path: Path) -> Path:
    """Without links and dots, and alike where a file system takes 'Out' for 'out'."""
    return Path(str(path.resolve()).casefold())


def _no_other_road(root: Path) -> None:
    """DVC runs every dvc.yaml and .dvc file that it finds in the tree."""
    names = {"data.dvc", *git.tracked(root, "*dvc.yaml", "*.dvc")}
    for name in sorted(name for name in names if (root / name).is_file()):
        path = Path(name)
        if path.name == "dvc.yaml" and name != "dvc.yaml":
            raise SluiceError(f"git tracks {name}; expected every stage in the root's dvc.yaml")
        if path.suffix != ".dvc":
            continue
        raw = read_yaml(root / name)
        if not isinstance(raw, Mapping):
            raise SluiceError(f"{name}: expected keys and values")
        refused = ("cmd", "wdir", "deps", "frozen", "locked")
        for key in refused if name == "data.dvc" else refused[:2]:
            if key in raw:
                raise SluiceError(f"{name} has {key!r}; expected it to name files and nothing else")
        for out in raw.get("outs") or ():
            path_of = str(out.get("path")) if isinstance(out, Mapping) else str(out)
            _keep_off(root, name, path_of, str(path.parent))


def _nothing_brought_along(root: Path) -> None:
    """Refuse outputs that git checked out: a commit could bring the verdicts on itself.

    DVC takes an output out of its cache when dvc.lock names it, without a run.
    """
    for folder in (root / "out", *_folders_of_dvc(root)):
        place = folder.resolve()
        if not place.is_relative_to(root):
            continue
        if tracked := git.tracked(root, str(place)):
            name = place.relative_to(root)
            raise SluiceError(
                f"git tracks {tracked[0]}: what gates said must come from a run, "
                f"not with a commit; 'git rm -r --cached {name}', or correct the folder in DVC's "
                "settings ('dvc config --list --show-origin')"
            )


def _folders_of_dvc(root: Path) -> list[Path]:
    """Where DVC keeps outputs, runs and what it knows of files, by all of its settings.

    DVC's own functions answer: it also reads the settings of the user and the machine, and
    takes some spellings for the same. To open a dvc.repo.Repo would say the same in three
    times as long (0.7 s).
    """
    from dvc.config import Config
    from dvc.dirs import site_cache_dir
    from dvc.exceptions import DvcException
    from dvc.fs import get_cloud_fs

    own = root / ".dvc"
    try:
        settings = Config(str(own))
        cache = settings["cache"]
        if cache.get("local"):
            _, _, path = get_cloud_fs(settings, name=cache["local"])
        else:
            _, _, path = get_cloud_fs(settings, url=cache.get("dir") or str(own / "cache"))
    except DvcException as error:
        said = " ".join(str(error).split())
        raise SluiceError(f"DVC cannot read its settings: {said}; correct .dvc/config") from None
    # DVC runs in the root, so that is what a relative path starts from.
    return [root / path, root / site_cache_dir(settings["core"].get("site_cache_dir")), own / "tmp"]


def _stages(project: Project) -> dict[str, dict[str, Any]]:
    raw = read_yaml(project.root / "dvc.yaml")
    stages = raw.get("stages") if isinstance(raw, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise SluiceError("dvc.yaml: expected stages by name")
    if "vars" in raw:
        raise SluiceError("dvc.yaml has 'vars'; expected every value in params.yaml")
    return stages
