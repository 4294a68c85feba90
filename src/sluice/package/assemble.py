"""Put the parts of a package into one folder, only if every verdict passes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from sluice import files, gates
from sluice.errors import SluiceError
from sluice.package.card import model_card
from sluice.project import Project
from sluice.report.write import write as write_report
from sluice.verdict import Verdict


def run(project: Project) -> None:
    """Write `out/package/`; raises SluiceError that names the gates which refuse."""
    verdicts = gates.collect(project)
    refuse_unless_passed(verdicts)
    _files_are_there(project)
    folder = project.package
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for source, target in _copies(project).items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / source, folder / target)
    files.write_json(folder / "data/data.json", _data(project))
    write_report(project, verdicts, folder=folder / "reports")
    card = folder / "documentation/model-card.md"
    files.write(card, model_card(project, verdicts).encode())


def refuse_unless_passed(verdicts: list[Verdict]) -> None:
    refused = [verdict for verdict in verdicts if not verdict.passes]
    if refused:
        said = "; ".join(f"{v.gate}: {v.status.value}: {v.why}" for v in refused)
        raise SluiceError(f"no package: {said}")


def _copies(project: Project) -> dict[str, str]:
    """From the project's files to their places in the package."""
    copies = {
        "params.yaml": "configuration/params.yaml",
        "out/selection.json": "configuration/selection.json",
        "requirements/serve.txt": "environment/serve.txt",
        "requirements/batch.txt": "environment/batch.txt",
        "requirements/build.txt": "environment/build.txt",
        "pyproject.toml": "environment/pyproject.toml",
        "docs/datasheet.md": "documentation/datasheet.md",
    }
    for name in ("model.onnx", "signature.json", "pipeline.skops"):
        copies[f"out/model/{name}"] = f"model/{name}"
    for source, target in (
        ("src/sluice", "code/sluice"),
        ("src/usecase", "code/usecase"),
        ("out/verdicts", "reports/verdicts"),
        ("out/evidence", "reports/evidence"),
    ):
        for path in sorted((project.root / source).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                inner = path.relative_to(project.root / source)
                copies[f"{source}/{inner.as_posix()}"] = f"{target}/{inner.as_posix()}"
    # The scenarios are a part of their own, not a report.
    return copies | {"out/evidence/scenarios/scenarios.json": "scenarios/scenarios.json"}


def _files_are_there(project: Project) -> None:
    for source in _copies(project):
        if not (project.root / source).is_file():
            raise SluiceError(f"no package: {source} is missing")


def _data(project: Project) -> dict[str, object]:
    """Which data the model was made from: DVC's hash of the file and each split, and its rows."""
    return {
        "file": {"path": project.settings.data.file, "md5": _md5(project.data)},
        "splits": {
            part: {"md5": _md5(project.split(part)), "rows": _rows(project.split(part))}
            for part in ("train", "validation", "holdout", "latest")
        },
        "scenario rows": {
            name: len(rows)
            for name, rows in files.read_json(project.package / "scenarios/scenarios.json")[
                "samples"
            ].items()
        },
    }


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _rows(path: Path) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(path).num_rows)
