"""A project on disk: its settings, and the path of each artifact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sluice.config import Settings, load


@dataclass(frozen=True)
class Project:
    """A project whose folder is `root`. Paths are returned whether or not they exist."""

    root: Path

    @cached_property
    def settings(self) -> Settings:
        """The content of params.yaml; raises SluiceError if it is missing or not valid."""
        return load(self.root / "params.yaml")

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def data(self) -> Path:
        return self.root / self.settings.data.file

    def split(self, part: str) -> Path:
        return self.out / "split" / f"{part}.parquet"

    def candidate(self, name: str) -> Path:
        return self.out / "candidates" / name

    @property
    def selection(self) -> Path:
        return self.out / "selection.json"

    @property
    def model(self) -> Path:
        return self.out / "model"

    def verdict(self, gate: str) -> Path:
        return self.out / "verdicts" / f"{gate}.json"

    def evidence(self, gate: str) -> Path:
        """The folder for the evidence of a gate, such as its tables; it is created."""
        folder = self.out / "evidence" / gate
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def package(self) -> Path:
        return self.out / "package"

    @property
    def trouble(self) -> Path:
        """The errors of stages which stopped without a verdict, one in a line."""
        return self.out / "trouble.txt"

    @property
    def report(self) -> Path:
        return self.out / "report"
