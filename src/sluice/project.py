"""A project on disk: its settings, and the path of each artifact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sluice.config import Settings, load
from sluice.files import read_yaml

# params.yaml as 'sluice adopt' last wrote it.
ADOPTED = "adopted.yaml"
# The suffix of a bound's source if it was derived from the data and nobody has confirmed it.
DERIVED = ", derived from the data"


def value_at(document: Any, path: tuple[str, ...]) -> Any:
    """Return the value of a YAML document at a path of keys; None if there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


@dataclass(frozen=True)
class Project:
    """A project whose folder is `root`. Paths are returned whether or not they exist."""

    root: Path

    @cached_property
    def settings(self) -> Settings:
        """The content of params.yaml; raises SluiceError if it is missing or not valid."""
        return load(self.root / "params.yaml")

    def source(self, *path: str) -> str:
        """Return a bound's source as findings name it, for a setting of params.yaml."""
        name = f"params.yaml: {'.'.join(path)}"
        return f"{name}{DERIVED}" if self._is_derived(path) else name

    def _is_derived(self, path: tuple[str, ...]) -> bool:
        """Whether a value was written by `sluice adopt` and not confirmed by a person."""
        if self.settings.bounds == "confirmed":
            return False
        if not self._adopted:  # adopted by an earlier version of sluice, which kept no record
            return True
        return value_at(self._adopted, path) == value_at(self._written, path)

    @cached_property
    def _written(self) -> Any:
        return read_yaml(self.root / "params.yaml")

    @cached_property
    def _adopted(self) -> Any:
        return read_yaml(self.root / ADOPTED) if (self.root / ADOPTED).exists() else {}

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def data(self) -> Path:
        """The data file, or the folder of its parts."""
        return self.root / self.settings.data.file

    def split(self, part: str) -> Path:
        """One part of the split: train, validation, holdout or latest."""
        return self.out / "split" / f"{part}.parquet"

    @property
    def sampled(self) -> Path:
        """The file with the number of rows that the train part was sampled from; missing without
        sampling.
        """
        return self.out / "split" / "sampled.json"

    def candidate(self, name: str) -> Path:
        return self.out / "candidates" / name

    @property
    def selection(self) -> Path:
        return self.out / "selection.json"

    @property
    def model(self) -> Path:
        return self.out / "model"

    def verdict(self, gate: str) -> Path:
        """The file with the verdict of a gate."""
        return self.out / "verdicts" / f"{gate}.json"

    def evidence(self, gate: str) -> Path:
        """The folder for the evidence of a gate, such as its tables; it is created."""
        folder = self.out / "evidence" / gate
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def package(self) -> Path:
        """The folder in which the parts of the package are assembled."""
        return self.out / "package"

    @property
    def trouble(self) -> Path:
        """The errors of stages that stopped without a verdict, one on each line."""
        return self.out / "trouble.txt"

    @property
    def report(self) -> Path:
        return self.out / "report"
