"""Assemble the parts of a package in one folder; refused unless every gate passes."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from sluice import gates, table
from sluice.errors import SluiceError
from sluice.files import read_json, write, write_json
from sluice.package import parts, reference
from sluice.package.card import model_card
from sluice.package.parts import Parts
from sluice.project import Project
from sluice.report.write import write as write_report
from sluice.sketch.reference import encode as encode_reference
from sluice.train import instants
from sluice.verdict import Verdict

_FILES = {
    "params.yaml": parts.PARAMS,
    "out/selection.json": parts.SELECTION,
    "out/model/model.onnx": parts.MODEL,
    "out/model/signature.json": parts.SIGNATURE,
    "out/model/pipeline.skops": parts.PIPELINE,
    # The scenarios are a separate part, not only evidence of their gate.
    "out/evidence/scenarios/scenarios.json": parts.SCENARIOS,
    "requirements/serve.txt": parts.SERVE_LOCK,
    "requirements/batch.txt": parts.BATCH_LOCK,
    "requirements/build.txt": parts.BUILD_LOCK,
    "pyproject.toml": parts.PYPROJECT,
    "docs/datasheet.md": parts.DATASHEET,
}
_FOLDERS = {
    "src/sluice": "code/sluice",
    "src/usecase": "code/usecase",
    "out/verdicts": "reports/verdicts",
    "out/evidence": "reports/evidence",
}


def run(project: Project) -> None:
    """Write `out/package/`. Raises SluiceError that names the gates that do not pass."""
    verdicts = gates.collect(project)
    refuse_unless_passed(verdicts)
    copies = _copies(project.root)
    folder = project.package
    if folder.exists():
        shutil.rmtree(folder)
    for source, target in copies.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / source, folder / target)
    package = Parts(folder)
    write_json(folder / parts.DATA, _data(project, package))
    write_json(folder / parts.CONFINEMENT, _confinement(project))
    write(folder / parts.REFERENCE, encode_reference(reference.measure(project)))
    write_report(project, verdicts, folder=package.reports)
    write(folder / parts.MODEL_CARD, model_card(project, verdicts).encode())


def refuse_unless_passed(verdicts: list[Verdict]) -> None:
    """Raise SluiceError that names each gate that does not pass, with its reason."""
    refusals = [f"{v.gate}: {v.status.value}: {v.why}" for v in verdicts if not v.passes]
    if refusals:
        raise SluiceError(f"no package was built, because a gate refuses: {'; '.join(refusals)}")


def _copies(root: Path) -> dict[str, str]:
    """Map the project's files to places in the package; SluiceError if one is missing."""
    copies = {}
    for source, target in _FOLDERS.items():
        for path in sorted((root / source).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                inner = path.relative_to(root / source).as_posix()
                copies[f"{source}/{inner}"] = f"{target}/{inner}"
    copies |= _FILES
    for source in copies:
        if not (root / source).is_file():
            raise SluiceError(f"no package was built: {source} is missing; 'sluice run' writes it")
    return copies


def _data(project: Project, package: Parts) -> dict[str, object]:
    """The data that the model was made from: DVC's hash of the table and of each split."""
    return {
        "file": {"path": project.settings.data.file, "md5": _md5_of_data(project.data)},
        "splits": {
            split: {
                "md5": _md5(project.split(split)),
                "rows": _rows(project.split(split)),
                **_sampled(project, split),
                **_until(project, split),
            }
            for split in ("train", "validation", "holdout", "latest")
        },
        "scenario rows": {name: len(rows) for name, rows in package.scenarios.samples.items()},
    }


def _sampled(project: Project, split: str) -> dict[str, int]:
    """The number of rows that the part was sampled from; nothing if it has all of them."""
    if split != "train" or not project.sampled.is_file():
        return {}
    return {"sampled from": int(read_json(project.sampled)["of"])}


def _confinement(project: Project) -> dict[str, bool]:
    """Whether the code of the use case was confined, for each purpose."""
    declared = {
        gate: bool(read_json(project.evidence(gate) / "declared.json")["confined"])
        for gate in ("data-quality", "scenarios")
    }
    return {**declared, "training and export": bool(read_json(project.model / "confined.json"))}


def _until(project: Project, split: str) -> dict[str, float]:
    """The time of the part's newest row; nothing if the table is not split by time."""
    if project.settings.split.by_time is None:
        return {}
    frame = table.read_split(project.split(split))
    return {"until": float(instants.newest(frame, project.settings.split).max())}


def _md5_of_data(path: Path) -> str:
    """The hash of a file; for a folder, the hash of DVC's list of its files."""
    if not path.is_dir():
        return _md5(path)
    listed = [{"md5": _md5(part), "relpath": part.name} for part in table.parts(path)]
    content = json.dumps(listed, sort_keys=True).encode()
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _rows(path: Path) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(path).num_rows)
