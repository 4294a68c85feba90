"""The data that an adoption replaces must be in the DVC remote, so that DVC can restore it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import dvc


def require_in_remote(root: Path) -> None:
    """Raise SluiceError unless the DVC remote has all files that data.dvc names or that are in
    data/.
    """
    if not _is_pushed(read_yaml(root / "data.dvc")):
        raise SluiceError(
            "data.dvc does not track data/ as an output that DVC caches and pushes, so data/ could "
            "not be restored: run 'dvc add data' and 'dvc push data.dvc', then commit"
        )
    options = ("--json", "--granular", "--unchanged", "--not-in-remote")
    done = dvc.ask(root, "data", "status", *options, "data")
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise SluiceError(f"'dvc data status --not-in-remote data' failed, fix this first: {said}")
    status = json.loads(done.stdout)
    if missing := status.get("not_in_remote"):
        raise SluiceError(
            f"{missing[-1]} is not in the DVC remote, so the data could not be restored: run "
            "'dvc push data.dvc', and commit .dvc/store if the remote is there"
        )
    known = {*status.get("unchanged", []), *_named_by_data_dvc(status)}
    files = [path for path in (root / "data").rglob("*") if path.is_symlink() or path.is_file()]
    unknown = sorted({str(path.relative_to(root)) for path in files} - known)
    if unknown:
        raise SluiceError(
            f"{unknown[0]} differs from what data.dvc names and would be deleted: move it "
            "elsewhere, or run 'dvc add data' and 'dvc push data.dvc', then commit"
        )


def _named_by_data_dvc(status: dict[str, Any]) -> set[str]:
    """The files that match an uncommitted data.dvc, such as one that an adoption has written."""
    of_index, of_folder = (
        {path for paths in status.get(key, {}).values() for path in paths}
        for key in ("committed", "uncommitted")
    )
    return of_index - of_folder


def _is_pushed(document: Any) -> bool:
    outs = document.get("outs") if isinstance(document, dict) else None
    return any(
        out.get("path") == "data" and out.get("cache", True) and out.get("push", True)
        for out in outs or []
    )
