"""What does the model rely on, and may it rely on that?

Shapley values by permutation (Štrumbelj and Kononenko, 2014) of the executable model itself, in raw
columns: the pipeline is a black box, so every model is explained in the same way.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from sluice import table
from sluice.check.clusters import clusters_of, with_count
from sluice.check.proxies import proxies
from sluice.check.suspicion import judge_suspicion
from sluice.config import Settings
from sluice.files import write_json
from sluice.labels import MISSING
from sluice.metrics import Floats
from sluice.model import Model, Tensors
from sluice.project import Project
from sluice.stats.bootstrap import Rows, intervals
from sluice.verdict import Bound, Finding, Status, judge, plain

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Facts = dict[str, Any]

_BACKGROUND = 40


def measure(project: Project) -> list[Finding]:
    """The findings of the gate, on a sample of the holdout rows; also writes its evidence."""
    settings = project.settings
    model = Model(project.model)
    inputs = [column.name for column in model.signature.inputs]
    group = settings.split.group_column
    known = [*inputs, *([] if group is None or group in inputs else [group])]
    holdout = table.read_split(project.split("holdout"), known)
    train = table.read_split(project.split("train"), inputs)
    random = np.random.default_rng(settings.seed)
    sample = _sample(holdout, settings.explanation.rows, random)
    rows = sample[inputs]
    contributions = shapley(model, settings, rows, _sample(train, _BACKGROUND, random))
    facts = summarise(model, settings, rows, contributions)
    write_json(project.evidence("explanation") / "importance.json", facts["importance"])
    write_json(project.evidence("explanation") / "rows.json", facts["rows"])
    return [
        *_forbidden_inputs(settings, inputs),
        *_largest_share(project, facts["importance"], sample, contributions),
        *_proxies(
            table.read_split(
                project.split("train"), list(dict.fromkeys([*inputs, *settings.data.sensitive]))
            ),
            settings,
            inputs,
        ),
    ]


def _proxies(train: DataFrame, settings: Settings, inputs: list[str]) -> list[Finding]:
    """Judge how well the inputs distinguish the groups of each sensitive column."""
    bounds = settings.explanation
    found = []
    for proxy in proxies(train, settings, inputs):
        alone = proxy.column is not None
        key, high = ("proxy", bounds.proxy) if alone else ("joint_proxy", bounds.joint_proxy)
        told = (
            f"{proxy.column!r} alone distinguishes" if alone else "the inputs together distinguish"
        )
        said = f"{told} {proxy.group!r} from the other groups, so leaving out {proxy.sensitive!r}"
        ignore = f"set 'use: ignored' for {proxy.column!r}" if alone else "leave inputs out"
        found.append(
            judge_suspicion(
                f"explanation/proxy of {proxy.sensitive}/{proxy.column if alone else 'all inputs'}",
                proxy.strength,
                Bound(f"params.yaml: explanation.{key}", high=high),
                n=len(train),
                copy=f"{said} does not keep it from the model; {ignore} in params.yaml",
                suspected=(
                    f"{said} may not keep it from the model; {ignore} in params.yaml, or accept "
                    "this finding by name, with the reason"
                ),
            )
        )
    return found


def _forbidden_inputs(settings: Settings, inputs: list[str]) -> list[Finding]:
    data = settings.data
    apart = dict.fromkeys(data.sensitive, "a sensitive column")
    apart |= {data.target: "the target"}
    if data.id is not None:
        apart[data.id] = "the id"
    for name in data.sensitive_inputs:
        apart.pop(name, None)
    found = []
    for name, what in apart.items():
        if name in inputs:
            why = f"{name!r} is {what} and must not be a model input"
            found.append(Finding(f"explanation/inputs/{name}", Status.FAIL, why))
    if not found:
        why = f"none of {', '.join(apart)} is among the {len(inputs)} inputs"
        found.append(Finding("explanation/inputs", Status.PASS, why, n=len(inputs)))
    return found


def _largest_share(
    project: Project, importance: list[Facts], sample: DataFrame, contributions: Floats
) -> list[Finding]:
    """A finding on the most important input, unless it is the only one and always has all of it.

    sample: the rows that were explained, with the column that groups them, if there is one.
    """
    if len(importance) == 1:
        return []
    settings = project.settings
    largest = importance[0]["column"]
    place = sample.columns.get_loc(largest)
    sizes = _sizes(contributions)

    def statistic(rows: Rows) -> dict[str, float]:
        of_column = sizes[rows].sum(axis=0)
        total = float(of_column.sum())
        return {largest: float(of_column[place]) / total if total else math.nan}

    clusters = clusters_of(sample, settings)
    span = intervals(
        statistic,
        len(sample),
        clusters=clusters,
        resamples=settings.performance.resamples,
        confidence=settings.performance.confidence,
        seed=settings.seed,
        doing="explanation",
    )[largest]
    bound = Bound(
        project.source("explanation", "largest_share"), high=settings.explanation.largest_share
    )
    share = statistic(np.arange(len(sample)))[largest]
    found = judge(f"explanation/share of {largest}", share, bound, interval=span)
    found = msgspec.structs.replace(found, n=len(sample))
    return [with_count(found, clusters, settings)]


def _sizes(contributions: Floats) -> Floats:
    """[n, columns] absolute contributions; with several classes, their mean."""
    absolute = np.abs(contributions)
    return absolute if absolute.ndim == 2 else absolute.mean(axis=2)


def shapley(model: Model, settings: Settings, rows: DataFrame, background: DataFrame) -> Floats:
    """[n, columns] or [n, columns, classes] contributions to the score."""
    # Read at the import: compiling shap's few loops takes ten times as long as running them.
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    from shap import PermutationExplainer
    from shap.maskers import Independent

    codes, decode = coder(settings, rows, background)
    explainer = PermutationExplainer(
        lambda coded: model.score(decode(np.asarray(coded))).values,
        Independent(codes(background), max_samples=len(background)),
        seed=settings.seed,
    )
    once = 2 * rows.shape[1] + 1
    return np.asarray(explainer(codes(rows), max_evals=once, silent=True).values, np.float64)


def coder(
    settings: Settings, *frames: DataFrame
) -> tuple[Callable[[DataFrame], Floats], Callable[[Floats], Tensors]]:
    """Convert to and from numbers: shap cannot mask text, so categories become codes."""
    names = list(frames[0].columns)
    numbers = sum(settings.columns[name].numeric for name in names)
    known = {
        name: sorted({value for frame in frames for value in frame[name]})
        for name in names[numbers:]
    }

    def codes(frame: DataFrame) -> Floats:
        coded = frame[names[:numbers]].to_numpy(np.float64)
        texts = [np.searchsorted(known[name], frame[name].to_numpy(str)) for name in known]
        return np.column_stack([coded, *texts]).astype(np.float64)

    def decode(coded: Floats) -> Tensors:
        texts = np.empty((len(coded), len(known)), object)
        for position, name in enumerate(known):
            texts[:, position] = np.array(known[name], object)[
                coded[:, numbers + position].astype(np.intp)
            ]
        return Tensors(np.ascontiguousarray(coded[:, :numbers]), texts)

    return codes, decode


def summarise(
    model: Model, settings: Settings, rows: DataFrame, contributions: Floats
) -> dict[str, list[Facts]]:
    """The columns by mean absolute contribution, and the most instructive rows."""
    size = _sizes(contributions).mean(axis=0)
    total = float(size.sum())
    order = np.argsort(-size, kind="stable")
    importance = [
        {
            "column": rows.columns[k],
            "importance": plain(size[k]),
            "share": plain(size[k] / total) if total else None,
            "sign": None
            if contributions.ndim == 3
            else _sign(rows.iloc[:, k], contributions[:, k]),
        }
        for k in order
    ]
    scores = model.score(table.tensors(rows, settings, list(rows.columns))).values
    return {
        "importance": importance,
        "rows": _instructive(rows, scores, contributions, settings.classes),
    }


def _sign(values: object, contribution: Floats) -> str | None:
    """Whether a higher value means a higher score: the sign of the rank correlation."""
    from scipy.stats import spearmanr

    numbers = np.asarray(values)
    if numbers.dtype.kind != "f":
        return None
    known = ~np.isnan(numbers)
    if len(np.unique(numbers[known])) < 2 or len(np.unique(contribution[known])) < 2:
        return None
    correlation = spearmanr(numbers[known], contribution[known]).statistic
    if abs(correlation) < 0.3:
        return "mixed"
    return "raises" if correlation > 0 else "lowers"


def _instructive(
    rows: DataFrame, scores: Floats, contributions: Floats, classes: list[str]
) -> list[Facts]:
    """The rows with the lowest, the middle and the highest score, and the columns with the largest
    effect on each.
    """
    chosen: dict[str, tuple[int, int | None]] = {}
    if scores.ndim == 2:
        for k, name in enumerate(classes):
            chosen[f"the surest {name}"] = int(np.argmax(scores[:, k])), k
    else:
        order = np.argsort(scores, kind="stable")
        places = {"lowest": order[0], "middle": order[len(order) // 2], "highest": order[-1]}
        for name, row in places.items():
            chosen[f"the {name} score"] = int(row), None
    return [
        _explained(name, rows.iloc[row], scores[row], contributions[row], k)
        for name, (row, k) in chosen.items()
    ]


def _explained(
    name: str, row: Series, score: Floats, contributions: Floats, k: int | None
) -> Facts:
    if k is not None:
        score, contributions = score[k], contributions[:, k]
    order = np.argsort(-np.abs(contributions), kind="stable")[:6]
    return {
        "row": name,
        "score": plain(float(score)),
        "because": [
            {
                "column": row.index[c],
                "value": _shown(row.iloc[c]),
                "contribution": plain(contributions[c]),
            }
            for c in order
        ],
    }


def _shown(value: object) -> str:
    if isinstance(value, float):
        return "missing" if np.isnan(value) else f"{value:g}"
    return "missing" if value == MISSING else str(value)


def _sample(frame: DataFrame, rows: int, random: np.random.Generator) -> DataFrame:
    chosen = np.sort(random.permutation(len(frame))[:rows])
    return frame.iloc[chosen].reset_index(drop=True)
