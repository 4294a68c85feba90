"""`params.yaml` as typed, validated settings."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from sluice.errors import SluiceError
from sluice.labels import label
from sluice.metrics import FAIRNESS_MEASURES, METRICS
from sluice.task import Task

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Scalar = bool | int | float | str

_MOST_APART = 0.01
_LONGEST_WORD = 60


def word(text: str) -> str:
    """A key that is the forker's to choose; raises ValueError for one that dvc.lock cannot hold.

    DVC's YAML breaks a line in a longer key, at a space or where a sign is escaped, and cannot
    read it again.
    """
    spelt = text if text.isprintable() else json.dumps(text)
    if len(spelt) > _LONGEST_WORD and (" " in spelt or spelt != text):
        raise ValueError(
            f"rename it, dvc.lock cannot hold it: a name with spaces has at most {_LONGEST_WORD} "
            "characters"
        )
    if "\x85" in text:
        raise ValueError("rename it, dvc.lock cannot hold it: it has a U+0085")
    return text


Word = Annotated[str, AfterValidator(word)]
_Key = TypeVar("_Key", bound=str)
_Value = TypeVar("_Value")


def _in_order(given: dict[Any, Any]) -> dict[Any, Any]:
    inner = {k: _in_order(v) if isinstance(v, dict) else v for k, v in given.items()}
    return dict(sorted(inner.items(), key=lambda item: str(item[0])))


# DVC does not see in which order keys stand, so nothing may come of it.
Ordered = Annotated[dict[_Key, _Value], AfterValidator(_in_order)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class Range(Section):
    """A bound that a forker sets: at least one end."""

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("expected low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        return self


class Column(Section):
    """What a column may hold. `levels` are the categories that the model tells apart."""

    type: Literal["integer", "number", "category", "text"]
    use: Literal["feature", "ignored"] = "feature"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    values: list[Scalar] | None = None
    levels: list[Scalar] | None = None
    missing: Share = 0.0
    monotone: Literal["increasing", "decreasing"] | None = None

    @property
    def numeric(self) -> bool:
        return self.type in ("integer", "number")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if not self.numeric and (self.low is not None or self.high is not None or self.monotone):
            raise ValueError(f"low, high and monotone are for numbers, this is a {self.type}")
        if self.type != "category" and (self.values is not None or self.levels is not None):
            raise ValueError(f"values and levels are for categories, this is a {self.type}")
        return self


class Groups(Section):
    """How a sensitive column falls into groups: by its values, or by bands of a number."""

    groups: Ordered[Word, list[Scalar]] | None = None
    bands: Annotated[list[FiniteFloat], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.groups is not None and self.bands is not None:
            raise ValueError("expected groups or bands, not both")
        members = [label(value) for values in (self.groups or {}).values() for value in values]
        for name in members:
            if members.count(name) > 1:
                raise ValueError(f"{name!r} is in two groups")
        if self.bands is not None and sorted(set(self.bands)) != self.bands:
            raise ValueError("expected bands in rising order")
        return self


class Data(Section):
    file: str
    target: str
    positive: Scalar | None = None
    id: str | None = None
    sensitive: Ordered[str, Groups] = {}
    sensitive_inputs: list[str] = []

    @field_validator("file")
    @classmethod
    def _lies_below_data(cls, file: str) -> str:
        path = PurePosixPath(file)
        if path.parts[:1] != ("data",) or len(path.parts) < 2 or ".." in path.parts:
            raise ValueError("expected a path below data/, where DVC versions it")
        return file


class Quality(Section):
    rows: PositiveInt
    duplicates: Share
    class_share: Share | None = None
    leakage: Share


class Split(Section):
    salt: str
    validation: Annotated[float, Field(gt=0, lt=1)]
    holdout: Annotated[float, Field(gt=0, lt=1)]
    latest: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> Self:
        if self.validation + self.holdout + self.latest >= 1:
            raise ValueError("validation, holdout and latest together leave nothing to train on")
        return self


class Candidate(Section):
    """A model of `usecase.candidates` and its hyperparameters."""

    model: str
    parameters: Ordered[Word, Any] = {}


class Selection(Section):
    metric: str
    within: Annotated[float, Field(ge=0)] = 0.0
    costs: Ordered[Word, PositiveFloat] = {}


class Performance(Section):
    bounds: Ordered[str, Range]
    over_baselines: FiniteFloat = 0.0
    under_champion: Share = 0.02
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 400
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95


class Fairness(Section):
    group_rows: PositiveInt
    bounds: Ordered[str, Range]
    intersections: Ordered[str, Range]
    resamples: Annotated[int, Field(ge=100, le=10_000)] = 200
    confidence: Annotated[float, Field(ge=0.9, lt=1)] = 0.95


class Explanation(Section):
    largest_share: Share
    rows: Annotated[int, Field(ge=10, le=5_000)] = 200


class Parity(Section):
    tolerance: PositiveFloat


class LoadBounds(Section):
    """What the server of a package is held to under load."""

    p50_ms: Range | None = None
    p95_ms: Range
    p99_ms: Range
    throughput: Range
    memory_mib: Range
    error_rate: Range


class Load(Section):
    """How the server is loaded in the test environment."""

    seconds: Annotated[float, Field(gt=0, le=600)]
    connections: Annotated[int, Field(ge=1, le=256)]
    rows: Annotated[int, Field(ge=1, le=1_000)] = 1
    bounds: LoadBounds


class Acceptance(Section):
    """An `insufficient` that a person has decided to live with, and why."""

    finding: str
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]


class Settings(Section):
    name: Name
    task: Task
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    columns: Ordered[Word, Column]
    quality: Quality
    split: Split
    candidates: Annotated[Ordered[Name, Candidate], Field(min_length=1)]
    selection: Selection
    parity: Parity
    performance: Performance
    fairness: Fairness
    explanation: Explanation
    load: Load
    accept: list[Acceptance]

    @property
    def classes(self) -> list[str]:
        """Class labels in the order of the model's outputs; binary: negative, positive."""
        if self.task == "regression":
            return []
        labels = [label(value) for value in self.columns[self.data.target].values or []]
        if self.task == "binary":
            labels.sort(key=lambda known: known == label(self.data.positive))
        return labels

    @property
    def features(self) -> list[str]:
        """Columns that may be model inputs: numbers first, then categories."""
        apart = {self.data.target, self.data.id, *self.data.sensitive}
        apart -= set(self.data.sensitive_inputs)
        named = [n for n, c in self.columns.items() if n not in apart and c.use == "feature"]
        return sorted(named, key=lambda name: not self.columns[name].numeric)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for check in (
            _names_are_columns,
            _groups_fit_columns,
            _task_fits_target,
            _metrics_suit,
            _fairness_is_bounded,
            _load_is_bounded,
            _inputs_are_usable,
        ):
            check(self)
        return self


def _names_are_columns(settings: Settings) -> None:
    data = settings.data
    named = {"data.target": data.target, "data.id": data.id}
    named |= {f"data.sensitive.{name}": name for name in data.sensitive}
    for key, name in named.items():
        if name is not None and name not in settings.columns:
            raise ValueError(f"{key} names {name!r}, which is not under columns")
    for name in data.sensitive_inputs:
        if name not in data.sensitive:
            raise ValueError(f"data.sensitive_inputs names {name!r}, not under data.sensitive")


def _groups_fit_columns(settings: Settings) -> None:
    data = settings.data
    for name in (data.target, data.id):
        if name in data.sensitive:
            raise ValueError(f"data.sensitive names {name!r}, which is the target or the id")
    if data.target == data.id:
        raise ValueError(f"data.id and data.target both name {data.id!r}")
    for name, groups in data.sensitive.items():
        column = settings.columns[name]
        if groups.bands is not None and not column.numeric:
            raise ValueError(f"data.sensitive.{name}: bands are for numbers, not {column.type}")
        if groups.bands is None and groups.groups is None and column.numeric:
            raise ValueError(f"data.sensitive.{name}: a number needs bands or groups")


def _fairness_is_bounded(settings: Settings) -> None:
    if not settings.data.sensitive:
        return
    measures = FAIRNESS_MEASURES[settings.task]
    known = [f"{name}_{what}" for name in measures for what in ("difference", "ratio")]
    fairness = settings.fairness
    crossed = len(settings.data.sensitive) > 1
    for key, bounds in {"bounds": fairness.bounds, "intersections": fairness.intersections}.items():
        for name, bound in bounds.items():
            if name not in known:
                raise ValueError(f"fairness.{key}.{name}: expected one of {known}")
            _require_end(f"fairness.{key}.{name}", bound, low=name.endswith("_ratio"))
        if not bounds and (key == "bounds" or crossed):
            raise ValueError(f"fairness.{key} is empty: a gate without a bound would gate nothing")


def _load_is_bounded(settings: Settings) -> None:
    for name, bound in settings.load.bounds:
        if bound is not None:
            _require_end(f"load.bounds.{name}", bound, low=name == "throughput")
    errors = settings.load.bounds.error_rate.high
    if errors is not None and errors >= 1:
        raise ValueError(f"load.bounds.error_rate.high is {errors:g}: expected less than 1")


def _require_end(key: str, bound: Range, *, low: bool) -> None:
    """A bound on the good side alone would let every model through."""
    if (bound.low if low else bound.high) is None:
        raise ValueError(f"{key}: expected {'low' if low else 'high'}, the end that gates")


def _task_fits_target(settings: Settings) -> None:
    name = settings.data.target
    target = settings.columns[name]
    if settings.task == "regression":
        if not target.numeric:
            raise ValueError(f"task regression needs a number, columns.{name} is {target.type}")
        return
    if target.type != "category" or not target.values:
        raise ValueError(f"task {settings.task} needs columns.{name} as a category with values")
    if settings.parity.tolerance > _MOST_APART:
        raise ValueError(f"parity.tolerance: expected at most {_MOST_APART:g} of a probability")
    labels = [label(value) for value in target.values]
    if len(set(labels)) != len(labels):
        raise ValueError(f"columns.{name}.values names a class twice")
    if settings.task == "multiclass" and len(labels) < 3:
        raise ValueError(f"task multiclass needs three values or more under columns.{name}")
    if settings.task == "binary" and len(labels) != 2:
        raise ValueError(f"task binary needs two values under columns.{name}, has {len(labels)}")
    if settings.quality.class_share is None:
        raise ValueError(f"quality.class_share is missing: a {settings.task} task needs it")
    if settings.task == "binary" and label(settings.data.positive) not in labels:
        raise ValueError(f"data.positive is {settings.data.positive!r}, expected one of {labels}")


def _metrics_suit(settings: Settings) -> None:
    suitable = sorted(name for name, m in METRICS.items() if settings.task in m.tasks)
    wanted = {"selection.metric": settings.selection.metric}
    wanted |= {f"performance.bounds.{name}": name for name in settings.performance.bounds}
    for key, name in wanted.items():
        if name not in suitable:
            raise ValueError(f"{key}: {name!r} is no metric of a {settings.task}; {suitable}")
    for name, bound in settings.performance.bounds.items():
        _require_end(f"performance.bounds.{name}", bound, low=METRICS[name].higher_is_better)
    if not settings.performance.bounds:
        raise ValueError("performance.bounds is empty: a gate without a bound would gate nothing")
    costs = {
        "binary": ["false_negative", "false_positive"],
        "multiclass": settings.classes,
        "regression": ["under", "over"],
    }[settings.task]
    for name in settings.selection.costs:
        if name not in costs:
            raise ValueError(f"selection.costs.{name}: expected some of {costs}")


def _inputs_are_usable(settings: Settings) -> None:
    if not settings.features:
        raise ValueError("no column is left as a model input; give one the use 'feature'")
    for name in settings.features:
        if settings.columns[name].type == "text":
            raise ValueError(f"columns.{name}: text cannot be a model input, use: ignored")


def load(path: Path) -> Settings:
    """Read and validate `params.yaml`; raises SluiceError naming key, value and expectation."""
    return validate(read_yaml(path), path.name)


def read_yaml(path: Path) -> Any:
    try:
        return parse_yaml(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise SluiceError(f"{path.name} is missing: run this in the project's folder") from None


def parse_yaml(content: bytes, where: str) -> Any:
    # DVC reads params.yaml with the same library: 'no' and 'on' stay words for both.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(content.decode("utf-8"))
    except (YAMLError, ValueError, KeyError, RecursionError) as error:
        said = re.sub(r"\s+", " ", str(error))
        raise SluiceError(f"{where} is not YAML: {said}") from None


def validate(raw: Any, where: str) -> Settings:
    if not isinstance(raw, Mapping):
        raise SluiceError(f"{where}: expected keys and values, found {type(raw).__name__}")
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SluiceError(_one_line(error, where)) from None


def _one_line(error: ValidationError, where: str) -> str:
    said = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        if problem["loc"][-1:] == ("[key]",):
            inside = ".".join(str(part) for part in problem["loc"][:-2])
            said.append(f"{inside} names {_shown(problem['input'])}: {what[0].lower()}{what[1:]}")
        elif problem["type"] == "missing":
            said.append(f"{key} is missing")
        elif problem["type"] == "extra_forbidden":
            said.append(f"{key} is not a known key")
        elif isinstance(problem["input"], (dict, BaseModel)):
            said.append(f"{key}: {what}" if key else what)
        else:
            said.append(f"{key} is {_shown(problem['input'])}: {what[0].lower()}{what[1:]}")
    return f"{where}: " + "; ".join(said)


def _shown(value: Any) -> str:
    # A list of aliases to lists can be larger than memory when it is written out.
    return repr(value) if isinstance(value, Scalar) else reprlib.repr(value)[:100]
