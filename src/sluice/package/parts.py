"""The parts of a package: which files each part must contain, and how each is read.

Importing this module needs only the serving dependencies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sluice import scenario
from sluice.errors import SluiceError
from sluice.files import decode_json
from sluice.model import Signature, read_signature
from sluice.verdict import Verdict

if TYPE_CHECKING:
    from sluice.config import Settings
    from sluice.report.record import Report
    from sluice.sketch.reference import Reference

MODEL = "model/model.onnx"
SIGNATURE = "model/signature.json"
PIPELINE = "model/pipeline.skops"
PARAMS = "configuration/params.yaml"
SELECTION = "configuration/selection.json"
CONFINEMENT = "configuration/confinement.json"
DVC_PIPELINE = "configuration/dvc.yaml"
DVC_LOCK = "configuration/dvc.lock"
DATA = "data/data.json"
DATA_POINTER = "data/data.dvc"
# Not required, because packages of earlier versions of sluice do not have it.
REFERENCE = "data/reference.json"
SERVE_LOCK = "environment/serve.txt"
BATCH_LOCK = "environment/batch.txt"
BUILD_LOCK = "environment/build.txt"
PYPROJECT = "environment/pyproject.toml"
MODEL_CARD = "documentation/model-card.md"
DATASHEET = "documentation/datasheet.md"
SCENARIOS = "scenarios/scenarios.json"
REPORT = "reports/report.json"

# Every part and the files that it must contain. The first element of a file's path is its part.
REQUIRED: dict[str, tuple[str, ...]] = {
    "model": (MODEL, SIGNATURE, PIPELINE),
    "code": ("code/usecase/candidates.py", "code/sluice/model.py"),
    "configuration": (PARAMS, DVC_PIPELINE, DVC_LOCK, SELECTION),
    "data": (DATA, DATA_POINTER),
    "environment": (SERVE_LOCK, BATCH_LOCK, BUILD_LOCK, PYPROJECT),
    "documentation": (MODEL_CARD, DATASHEET),
    "scenarios": (SCENARIOS,),
    "reports": ("reports/report.md", "reports/report.html", REPORT),
}


class DataFile(msgspec.Struct, frozen=True):
    """The table that the model was made from; `md5` is DVC's hash of it."""

    path: str
    md5: str


class Split(msgspec.Struct, frozen=True):
    """One part of the table, such as the training rows.

    until: the time of its newest row, if the table was split by time.
    """

    md5: str
    rows: int
    until: float | None = None


class Data(msgspec.Struct, frozen=True):
    """The content of `data/data.json`; `splits` has at least "train"."""

    file: DataFile
    splits: dict[str, Split]


@dataclass(frozen=True)
class Parts:
    """A folder with the parts of a package. Each part is read when it is first needed.

    Reading a part raises SluiceError if its file is missing or malformed.
    """

    folder: Path

    @property
    def model(self) -> Path:
        """The folder of the model: its ONNX graph, its signature and the fitted pipeline."""
        return self.folder / "model"

    @property
    def pipeline(self) -> Path:
        """The fitted pipeline in skops format."""
        return self.folder / PIPELINE

    @cached_property
    def signature(self) -> Signature:
        """What the model reads and returns."""
        return read_signature(self.folder / SIGNATURE)

    @cached_property
    def scenarios(self) -> scenario.Book:
        """The behavioural scenarios with the rows that they run on."""
        return scenario.read(self.folder / SCENARIOS)

    @property
    def params(self) -> Path:
        """The `params.yaml` of the commit; another version of sluice may have written it."""
        return self.folder / PARAMS

    @cached_property
    def settings(self) -> Settings:
        """`params.yaml`, validated by this version of sluice."""
        from sluice import config

        return config.load(self.params)

    @cached_property
    def data(self) -> Data:
        """The data that the model was made from."""
        try:
            data = decode_json(self._bytes(DATA), Data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SluiceError(f"{DATA} does not describe the training data: {error}") from None
        if "train" not in data.splits:
            raise SluiceError(f"{DATA} does not describe the training data: no split 'train'")
        return data

    @property
    def confined(self) -> bool:
        """Whether all code of the use case ran confined when the package was built."""
        try:
            said = decode_json(self._bytes(CONFINEMENT), dict[str, bool])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SluiceError(f"{CONFINEMENT} does not say what was confined: {error}") from None
        return bool(said) and all(said.values())

    @cached_property
    def reference(self) -> Reference:
        """The distributions of the training rows' inputs and of the holdout's scores."""
        from sluice.sketch import reference

        if not (self.folder / REFERENCE).exists():
            raise SluiceError(
                f"{REFERENCE} is missing from the package, because an earlier version of sluice "
                "built it: build it again to monitor it"
            )
        return reference.decode(self._bytes(REFERENCE), REFERENCE)

    @cached_property
    def serving_locks(self) -> dict[str, str]:
        """The locked requirements of the server and of batch scoring: text by path."""
        return {path: self._text(path) for path in (SERVE_LOCK, BATCH_LOCK)}

    @property
    def reports(self) -> Path:
        """The folder of the report, the verdicts and their evidence."""
        return self.folder / "reports"

    @cached_property
    def report(self) -> Report:
        """The report that was written when the package was assembled."""
        from sluice.report import record

        return record.read(self.folder / REPORT)

    def verdict(self, gate: str) -> Verdict:
        """The verdict of a gate, with a status that matches its findings.

        Raises SluiceError if there is none, or if it is the verdict of another gate.
        """
        verdict = Verdict.read(
            self._bytes(f"reports/verdicts/{gate}.json"), f"verdict of the gate {gate}"
        )
        if verdict.gate != gate:
            raise SluiceError(
                f"reports/verdicts/{gate}.json is the verdict of the gate {verdict.gate}"
            )
        return verdict

    def _text(self, path: str) -> str:
        try:
            return self._bytes(path).decode()
        except UnicodeDecodeError as error:
            raise SluiceError(f"{path} is not UTF-8 text: {error}") from None

    def _bytes(self, path: str) -> bytes:
        try:
            return (self.folder / path).read_bytes()
        except FileNotFoundError:
            raise SluiceError(f"{path} is missing from the package") from None
