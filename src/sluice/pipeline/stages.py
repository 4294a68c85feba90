"""Check the stages of dvc.yaml: every gate runs, and only the pipeline writes its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluice import gates
from sluice.errors import SluiceError
from sluice.files import read_yaml

Stages = dict[str, dict[str, Any]]

# The outputs of each stage of the pipeline.
_OUTPUTS = {
    **{name: {f"out/verdicts/{name}.json", f"out/evidence/{name}"} for name in gates.GATES},
    "parity": {"out/verdicts/parity.json"},
    "split": {"out/split"},
    "train": {"out/candidates/${item.candidate}"},
    "select": {"out/selection.json"},
    "export": {"out/model"},
    "package": {"out/package"},
}
# The paths that only the stages of the pipeline may write.
_PROTECTED = (
    *("out/verdicts", "out/evidence", "out/package", "out/model"),
    *("out/split", "out/candidates", "out/selection.json"),
)
# The section of params.yaml that each gate reads.
_SECTIONS = {
    **{name: name for name in gates.GATES},
    "data-quality": "quality",
    "scenarios": "parity",
}
_KEYS = {"cmd", "deps", "params", "outs"}
_EACH_CANDIDATE = {"candidate": "${candidates}"}


def require_intact(root: Path) -> None:
    """Raise SluiceError unless dvc.yaml runs every gate correctly."""
    stages = _read(root)
    for name, (command, dependencies) in _required_stages().items():
        _require_stage(stages.get(name, {}), name, command, dependencies)
    for name, section in _SECTIONS.items():
        for key in ("accept", section):
            if key not in stages[name].get("params", ()):
                raise SluiceError(f"dvc.yaml: the stage {name!r} must have {key!r} under 'params'")
    for name, stage in stages.items():
        _require_runs_here(stage, name)
    for name, outputs in _OUTPUTS.items():
        _require_outputs(stages.get(name, {}), name, outputs)
    for name in stages.keys() - _OUTPUTS.keys():
        for output in _outputs_of(stages[name]):
            require_other_place(root, f"dvc.yaml: the stage {name!r}", output)


def require_other_place(root: Path, whose: str, output: str, folder: str = ".") -> None:
    """Raise SluiceError for an output in or above a place that only the pipeline may write.

    whose: the start of the message. folder: where the path of the output starts.
    """
    if "${" in output or "://" in output:
        raise SluiceError(f"{whose} has the output {output!r}: write it as a plain path")
    path = _normalized(root / folder / output)
    for place in _PROTECTED:
        protected = _normalized(root / place)
        if path.is_relative_to(protected) or protected.is_relative_to(path):
            raise SluiceError(
                f"{whose} has the output {output!r}: choose another path, because only the stages "
                f"of the pipeline may write {place}"
            )


def _read(root: Path) -> Stages:
    raw = read_yaml(root / "dvc.yaml")
    stages = raw.get("stages") if isinstance(raw, dict) else None
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise SluiceError("dvc.yaml: expected 'stages' with a name and keys for each stage")
    if "vars" in raw:
        raise SluiceError("dvc.yaml has 'vars': move the values to params.yaml")
    return stages


def _required_stages() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the command and the required dependencies of each gate and of the package."""
    judged = ("out/model", "out/split")
    return {
        **{name: (f"sluice check {name}", judged) for name in gates.GATES},
        "data-quality": ("sluice check data-quality", ("data",)),
        **{
            n: (f"sluice check {n}", (*judged, "judged.jsonl")) for n in ("performance", "fairness")
        },
        "package": ("sluice package assemble", ("out/verdicts", "out/model")),
    }


def _require_stage(
    stage: Mapping[str, Any], name: str, command: str, dependencies: tuple[str, ...]
) -> None:
    """Check that DVC would rerun a stage whenever its inputs change.

    If a dependency were missing, the verdict of an earlier run would remain.
    """
    needed = all(dependency in stage.get("deps", ()) for dependency in dependencies)
    if stage.get("cmd") != command or not needed:
        raise SluiceError(
            f"dvc.yaml: the stage {name!r} must run '{command}' and depend on "
            f"{' and '.join(dependencies)}"
        )


def _require_runs_here(stage: Mapping[str, Any], name: str) -> None:
    if stage.get("frozen"):
        raise SluiceError(
            f"dvc.yaml: the stage {name!r} is frozen and would not run: remove 'frozen'"
        )
    if any("wdir" in body for body in _bodies(stage)):
        raise SluiceError(
            f"dvc.yaml: the stage {name!r} has a 'wdir': remove it, because every stage must run "
            "in the project's folder"
        )


def _require_outputs(stage: Mapping[str, Any], name: str, outputs: set[str]) -> None:
    """Check that a stage of the pipeline writes exactly its own outputs.

    Other keys could change the outputs; for example, a stage with an empty matrix never runs.
    """
    keys = _KEYS | {"matrix"} if name == "train" else _KEYS
    if other := sorted(str(key) for key in stage.keys() - keys):
        raise SluiceError(
            f"dvc.yaml: the stage {name!r} has {other[0]!r}: remove it; allowed keys are "
            f"{', '.join(sorted(keys))}"
        )
    if name == "train" and stage.get("matrix") != _EACH_CANDIDATE:
        raise SluiceError(
            "dvc.yaml: the stage 'train' must have the matrix candidate: ${candidates}"
        )
    found = stage.get("outs")
    if not isinstance(found, list) or sorted(map(repr, found)) != sorted(map(repr, outputs)):
        raise SluiceError(
            f"dvc.yaml: the stage {name!r} must have exactly the outs "
            f"{' and '.join(sorted(outputs))}, without options"
        )


def _bodies(stage: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a stage, and the stage that it repeats under `do`."""
    yield stage
    if isinstance(stage.get("do"), Mapping):
        yield stage["do"]


def _outputs_of(stage: Mapping[str, Any]) -> Iterator[str]:
    for body in _bodies(stage):
        for key in ("outs", "metrics", "plots"):
            listed = body.get(key) or ()
            for entry in listed if isinstance(listed, list) else [listed]:
                yield from map(str, entry if isinstance(entry, Mapping) else [entry])


def _normalized(path: Path) -> Path:
    """Resolve links and dots, and ignore case, because some file systems ignore it."""
    return Path(str(path.resolve()).casefold())
