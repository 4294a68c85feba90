"""What a table holds: the task, and the role, type and range of each column."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sluice import table
from sluice.config import Groups, Scalar
from sluice.errors import SluiceError
from sluice.labels import MISSING, label
from sluice.task import Task

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Kind = Literal["integer", "number", "category", "text"]
Use = Literal["feature", "ignored"]

_CLASSES = 20  # more distinct whole numbers than these are a quantity to predict
_LEVELS = 50  # a category with more is free text
_GROUPS = 12  # a sensitive number with more distinct values is cut into bands
_LEAST_ROWS = 50
# On the holdout; less says little about a group, or about a group within a group.
_GROUP_ROWS, _CELL_ROWS = 50, 25
_RARE = 0.1
_SAFE = 2**53  # whole numbers beyond are not exact in float64

_DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|UTC|[-+]\d{2}:?\d{2})?)?"
)
_WRITTEN = re.compile(r"[-+]?[$\u20ac\u00a3]? ?\d+([., ']\d+)* ?[%$\u20ac\u00a3]?")
_ID_WORDS = {"id", "ids", "index", "key", "uuid", "guid", "nr", "no", "number", "row", "rowid"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WHOLE = re.compile(r"-?(0|[1-9]\d*)")


@dataclass(frozen=True)
class Field:
    """One column as it will stand in params.yaml; `remark` says in words what was made of it."""

    name: str
    type: Kind
    use: Use = "feature"
    low: float | int | None = None
    high: float | int | None = None
    values: tuple[Scalar, ...] = ()
    missing: float = 0.0
    remark: str = ""


@dataclass(frozen=True)
class Profile:
    """A table's shape, and how its sensitive columns fall into groups.

    heavy: a hundredth of the rows holds more than a third of the target's variance.
    rare: the share of positives, where it is so small that equal costs flag few or nobody.
    """

    name: str
    task: Task
    target: str
    positive: Scalar | None
    id: str | None
    sensitive: dict[str, Groups]
    fields: tuple[Field, ...]
    rows: int
    heavy: bool
    rare: float | None

    @property
    def holdout(self) -> float:
        return holdout_share(self.rows)

    @property
    def features(self) -> list[Field]:
        apart = {self.target, self.id, *self.sensitive}
        return [f for f in self.fields if f.use == "feature" and f.name not in apart]

    @property
    def ignored(self) -> list[Field]:
        return [f for f in self.fields if f.use == "ignored"]


def infer(
    frame: DataFrame, name: str, *, target: str, id_column: str | None, sensitive: list[str]
) -> Profile:
    """A profile of a table from `sluice.adopt.source`; SluiceError for what cannot be modelled."""
    asked = {
        "--target": [target],
        "--id": [] if id_column is None else [id_column],
        "--sensitive": sensitive,
    }
    _require_columns(frame, asked)
    if len(frame) < _LEAST_ROWS:
        raise SluiceError(f"{len(frame)} rows are too few to split: bring at least {_LEAST_ROWS}")
    task, goal = _target(frame[target])
    roles = {target: goal}
    if id_column is not None:
        roles[id_column] = _identity(frame[id_column])
    roles |= {column: _sensitive(frame[column]) for column in sensitive}
    fields = tuple(roles.get(c) or _feature(frame[c]) for c in frame.columns)
    groups = {c: _groups_of(frame, c, roles, sensitive) for c in sensitive}
    positive = _rarer(frame[target], goal) if task == "binary" else None
    heavy = task == "regression" and _heavy(frame[target])
    rare = _rare(frame[target], positive)
    profile = Profile(
        name, task, target, positive, id_column, groups, fields, len(frame), heavy, rare
    )
    if not profile.features:
        ignored = "; ".join(f"{f.name}: {f.remark}" for f in profile.ignored)
        raise SluiceError(f"no column is left to predict {target!r} from ({ignored or 'no other'})")
    return profile


def holdout_share(rows: int) -> float:
    return 0.3 if rows < 1000 else 0.25


def slug(file: Path) -> str:
    """A name that config.Name admits."""
    plain = unicodedata.normalize("NFKD", file.stem).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789")[:64].rstrip("-") or "adopted"


def known_labels(column: Series) -> list[str]:
    """The distinct labels of a column, numbers in their order."""
    found = set(table.labels(column)) - {MISSING}
    return sorted(found, key=lambda text: (not _WHOLE.fullmatch(text), _rank(text)))


def _rank(text: str) -> tuple[int, str]:
    return (int(text) if _WHOLE.fullmatch(text) else 0, text)


def scalar(text: str) -> Scalar:
    """A label as YAML would best spell it: 1, true or a text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE.fullmatch(text) and label(int(text)) == text else text


def _require_columns(frame: DataFrame, asked: dict[str, list[str]]) -> None:
    taken: dict[str, str] = {}
    for option, names in asked.items():
        for name in names:
            if name not in frame.columns:
                near = [c for c in frame.columns if c.strip().casefold() == name.strip().casefold()]
                hint = f"did you mean {near[0]!r}?" if near else f"there are {_few(frame.columns)}"
                raise SluiceError(f"{option}: there is no column {name!r}; {hint}")
            if name in taken:
                raise SluiceError(f"{option}: column {name!r} is named by {taken[name]} already")
            taken[name] = option


def _few(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(map(repr, known[:12]))
    return shown if len(known) <= 12 else f"{shown} and {len(known) - 12} more"


def _target(column: Series) -> tuple[Task, Field]:
    name, missing = str(column.name), int(column.isna().sum())
    if missing == len(column):
        raise SluiceError(f"the target {name!r} is missing in every row")
    if missing:
        raise SluiceError(
            f"the target {name!r} is missing in {missing:,} of {len(column):,} rows: leave these "
            "rows out, there is nothing to learn from them"
        )
    if _is_date(column):
        raise SluiceError(f"the target {name!r} is a date: derive a number from it first")
    labels = known_labels(column)
    if len(labels) == 1:
        raise SluiceError(f"the target {name!r} is {labels[0]!r} in every row: nothing to predict")
    number = _is_number(column)
    whole = number and _kind(column) == "integer"
    if len(labels) > 2 and number and not (whole and len(labels) <= _CLASSES):
        low, high = _widened(column)
        return "regression", Field(name, _kind(column), "feature", low, high)
    if len(labels) > _CLASSES:
        raise SluiceError(
            f"the target {name!r} has {len(labels):,} different texts, at most {_CLASSES} classes "
            "can be told apart: fold them into fewer, or choose a number to predict"
        )
    task: Task = "binary" if len(labels) == 2 else "multiclass"
    remark = f"{len(labels)} whole numbers, taken as classes" if number and task != "binary" else ""
    return task, Field(name, "category", values=tuple(map(scalar, labels)), remark=remark)


def _heavy(column: Series) -> bool:
    values = column.astype("float64")
    far = ((values - values.median()) ** 2).sort_values()
    return bool(far.iloc[-max(1, len(far) // 100) :].sum() > far.sum() / 3)


def _rarer(column: Series, goal: Field) -> Scalar:
    """The rarer of two labels; of equals the later one."""
    counts = table.labels(column).value_counts()
    return min(reversed(goal.values), key=lambda value: counts[label(value)])


def _rare(column: Series, positive: Scalar | None) -> float | None:
    if positive is None:
        return None
    share = float((table.labels(column) == label(positive)).mean())
    return share if share < _RARE else None


def _identity(column: Series) -> Field:
    name, missing = str(column.name), int(column.isna().sum())
    if missing:
        raise SluiceError(f"--id: column {name!r} is missing in {missing:,} rows")
    repeats = int(table.labels(column).duplicated().sum())
    if repeats:
        raise SluiceError(
            f"--id: {repeats:,} values of column {name!r} repeat; an id names one row, leave --id "
            "out if there is none"
        )
    exact = _is_number(column) and _kind(column) == "integer" and column.abs().max() < _SAFE
    return Field(name, "integer" if exact else "text")


def _sensitive(column: Series) -> Field:
    name, labels, missing = str(column.name), known_labels(column), _missing(column)
    if _is_date(column):
        raise SluiceError(f"--sensitive: column {name!r} is a date: derive an age from it first")
    if len(labels) < 2:
        raise SluiceError(
            f"--sensitive: column {name!r} holds one value: there is no one to compare"
        )
    if len(labels) <= _GROUPS:
        return Field(name, "category", values=tuple(map(scalar, labels)), missing=missing)
    if not _is_number(column):
        raise SluiceError(
            f"--sensitive: column {name!r} has {len(labels):,} different texts, at most {_GROUPS} "
            "groups can be compared: fold them into fewer"
        )
    low, high = _widened(column)
    return Field(name, _kind(column), "feature", low, high, missing=missing)


def _groups_of(
    frame: DataFrame, name: str, roles: dict[str, Field], sensitive: list[str]
) -> Groups:
    """The groups of one sensitive column, large enough to be crossed with those of the others."""
    if not roles[name].values:
        return _bands(frame[name])
    cells = math.prod(len(roles[other].values) or 3 for other in sensitive if other != name)
    return _groups(frame[name], max(_GROUP_ROWS, cells * _CELL_ROWS))


def _groups(column: Series, rows: int) -> Groups:
    """One group a value; those of fewer rows on the holdout are put together."""
    counts = table.labels(column).value_counts()
    counts = counts[counts.index != MISSING].sort_index().sort_values(kind="stable")
    least = rows / holdout_share(len(column))
    small: list[str] = []
    if counts.iloc[0] < least:
        while len(small) < len(counts) - 1 and counts[small].sum() < least:
            small.append(str(counts.index[len(small)]))
    if len(small) < 2:
        return Groups()
    groups = {text: [scalar(text)] for text in known_labels(column) if text not in small}
    return Groups(groups={**groups, "all others": [scalar(text) for text in small]})


def _bands(column: Series) -> Groups:
    """Round cuts that leave about a third of the rows on each side."""
    known = column.dropna().astype("float64")
    cuts = known.quantile([1 / 3, 2 / 3]).tolist()
    step = 10.0 ** math.floor(math.log10(float(known.max() - known.min()) / 20))
    rounded = {plain(round(cut / step) * step) for cut in cuts}
    inside = sorted(cut for cut in rounded if known.min() < cut <= known.max())
    return Groups(bands=inside or [plain(float(known.median()))])


def _feature(column: Series) -> Field:
    name, missing = str(column.name), _missing(column)
    number = _is_number(column)
    useless = _useless(column)
    if useless:
        kind: Kind = _kind(column) if number else "text"
        return Field(name, kind, "ignored", missing=missing, remark=useless)
    if number:
        low, high = _widened(column)
        return Field(name, _kind(column), "feature", low, high, missing=missing)
    stray, count = _stray_words(column) or _written_numbers(column), column.nunique()
    if count <= min(_LEVELS, max(2, len(column) // 5)):
        values = tuple(map(scalar, known_labels(column)))
        return Field(name, "category", values=values, missing=missing, remark=stray)
    remark = stray or f"{count:,} different texts: fold them into {_LEVELS} or fewer"
    return Field(name, "text", "ignored", missing=missing, remark=remark)


def _useless(column: Series) -> str:
    """Why a column can tell a model nothing, whatever the target; empty if it may."""
    count = column.nunique()
    if count == 0:
        return "no value in any row"
    if count == 1:
        return "the same in every row that has a value"
    if _is_date(column):
        return (
            "a date: not a model input; derive numbers from it, such as a year or an age, "
            "before adopting"
        )
    naming = not _is_number(column) or _named_like_an_id(str(column.name))
    if count == len(column) and naming and column.dtype.kind != "f":
        return "different in every row: if it names the row, adopt with --id"
    return ""


def _is_number(column: Series) -> bool:
    return column.dtype.kind in "iuf"


def _kind(column: Series) -> Literal["integer", "number"]:
    return "integer" if column.dtype.kind in "iu" else "number"


def _is_date(column: Series) -> bool:
    if column.dtype.kind in "Mm":
        return True
    known = column.dropna()
    if _is_number(column) or known.empty:
        return False
    return all(_DATE.fullmatch(text.strip()) for text in known.map(str).unique())


def _named_like_an_id(name: str) -> bool:
    return any(word.lower() in _ID_WORDS for word in _WORDS.findall(name))


def _stray_words(column: Series) -> str:
    """What keeps a column of numbers from being one; empty if it is none."""
    import pandas as pd

    if column.dtype.kind == "b":
        return ""
    known = column.dropna().map(str)
    amiss = known[pd.to_numeric(known, errors="coerce").isna()]
    if not 0 < len(amiss) <= len(known) // 10:
        return ""
    example = str(amiss.iloc[0])[:20]
    return f"numbers but for words such as {example!r}: leave those cells empty to use it"


def _written_numbers(column: Series) -> str:
    """What keeps numbers as people write them from being some; empty if they are none."""
    known = column.dropna().map(str).str.strip()
    signed = known[known.str.contains(r"[^\d]")]
    if signed.empty or not all(_WRITTEN.fullmatch(text) for text in known.unique()):
        return ""
    example = str(signed.iloc[0])[:20]
    return f"look like numbers, such as {example!r}: write them as 1234.5, without other signs"


def _missing(column: Series) -> float:
    """The share of missing values that is let pass: what was seen and half as much again."""
    seen = float(column.isna().mean())
    return min(1.0, math.ceil((seen * 1.5 + 0.01) * 100) / 100) if seen else 0.0


def _widened(column: Series) -> tuple[float | int, float | int]:
    """What was seen and a tenth more at either end, but not across zero."""
    low, high = float(column.min()), float(column.max())
    room = (high - low) / 10
    wide = [low - room, high + room]
    if low >= 0:
        wide[0] = max(wide[0], 0.0)
    if high <= 0:
        wide[1] = min(wide[1], 0.0)
    if _kind(column) == "integer":
        return math.floor(wide[0]), math.ceil(wide[1])
    step = 10.0 ** (math.floor(math.log10(room)) - 1)
    return plain(math.floor(wide[0] / step) * step), plain(math.ceil(wide[1] / step) * step)


def plain(value: float) -> float:
    """Without the dust of float arithmetic."""
    return float(f"{value:.12g}")
