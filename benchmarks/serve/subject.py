"""What all servers serve: the fitted pipeline of one package, and rows with their scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice import table
from sluice.package.archive import opened
from sluice.train import persist

ROOT = Path(__file__).parents[2]
ROWS = 20

Row = dict[str, float | str]


@dataclass(frozen=True)
class Subject:
    """A package's pipeline.

    rows: the rows to score. expected: the probabilities from `predict_proba`.
    """

    name: str
    package: Path
    data: Path
    model: Path
    rows: list[Row]
    expected: list[float]

    @property
    def pipeline(self) -> Path:
        return self.model / "pipeline.skops"


def newest_package() -> Path:
    """The newest package in dist/; exits with a message if there is none."""
    found = sorted((ROOT / "dist").glob("*.tar"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SystemExit("there is no package in dist/: run 'make package'")
    return found[-1]


@contextmanager
def unpacked(file: Path) -> Iterator[Subject]:
    """Unpack a package, and compute the expected probabilities of some rows."""
    with opened(file) as package:
        pipeline = persist.load(package.model / "pipeline.skops")
        settings = package.settings
        data = ROOT / settings.data.file
        raw = table.read_raw(data, settings.columns)
        frame = table.typed(raw, settings.columns)[list(pipeline.feature_names_in_)]
        asked = frame.dropna().iloc[:ROWS]
        yield Subject(
            package.manifest.name,
            file.resolve(),
            data,
            package.model,
            asked.to_dict("records"),
            pipeline.predict_proba(asked)[:, 1].tolist(),
        )
