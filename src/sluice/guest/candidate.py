"""A candidate with the parameters that its search has chosen, for the tasks that fit it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import config, table
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.guest import usecase
from sluice.train.models import Builder
from sluice.train.search import Parameters, choose

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Candidate:
    """rows: the training rows."""

    settings: Settings
    rows: DataFrame
    build: Builder
    parameters: Parameters


@contextmanager
def chosen(inputs: Path, name: str) -> Iterator[Candidate]:
    """The candidate of this name; reads `params.yaml` and the rows `train.parquet`.

    Raises SluiceError if it is not known, or if it cannot be fitted, also in the `with` block.
    """
    settings = config.load(inputs / "params.yaml")
    rows = table.read_split(inputs / "train.parquet")
    candidate = settings.candidates[name]
    builders = usecase.load(inputs, "candidates", "CANDIDATES")
    if candidate.model not in builders:
        raise SluiceError(
            f"params.yaml: candidates.{name}.model is {candidate.model!r}, expected one of "
            f"{sorted(builders)}"
        )
    build = builders[candidate.model]
    try:
        yield Candidate(settings, rows, build, choose(build, candidate, rows, settings))
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SluiceError(f"params.yaml: candidates.{name} cannot be trained: {reason}") from error
