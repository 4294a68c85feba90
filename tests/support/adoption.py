"""Helpers for tests of adoptions, which run in the process of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.adopt import replace
from sluice.project import Project
from sluice.train import candidate, export, select, split


def train_best(root: Path) -> Project:
    """Split the data, train every candidate, and export the best one."""
    project = Project(root)
    split.run(project)
    for name in project.settings.candidates:
        candidate.run(project, name)
    select.run(project)
    export.run(project)
    return project


def interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Interrupt the replacement of files before the move with this number."""
    real, moved = replace._move, list[Path]()

    def interrupted(path: Path, to: Path) -> None:
        moved.append(path)
        if len(moved) == at:
            raise KeyboardInterrupt
        real(path, to)

    monkeypatch.setattr(replace, "_move", interrupted)
