"""The fairness gate: does the model treat groups alike?

`sluice.stats.groups` describes the estimates and their intervals.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sluice import judged, table
from sluice.check import segment_fairness
from sluice.check.clusters import clusters_of, with_count
from sluice.check.group_measures import (
    FEWEST_MEMBERS,
    Compared,
    Measure,
    compare,
    measures,
    members,
)
from sluice.check.groups import Grouping, groupings
from sluice.check.outcome import of_split
from sluice.config import Range
from sluice.files import write_json
from sluice.project import Project
from sluice.stats import reuse
from sluice.stats.bootstrap import Clusters
from sluice.stats.groups import UNDEFINED, Interval
from sluice.verdict import Bound, Finding, Status, judge, plain

_PARTS = ("train", "validation", "holdout", "latest")
# Rates cannot differ more, so a bound as wide as this would refuse nothing.
_WIDEST = {"difference": 1.0, "ratio": 0.0}


def measure(
    project: Project, others: Iterable[judged.Model] = (), *, evidence: bool = True
) -> list[Finding]:
    """Compare the groups on the holdout.

    others: models that were judged on these rows and are not in judged.jsonl. evidence: whether to
    write the numbers for the report as well.
    """
    import pandas as pd

    settings = project.settings
    if not settings.data.sensitive:
        # DVC refuses a stage that leaves out one of its outputs.
        if evidence:
            write_json(project.evidence("fairness") / "groups.json", [])
        why = "data.sensitive in params.yaml names no column, so no groups were compared"
        return [Finding("fairness/sensitive columns", Status.INSUFFICIENT, why)]
    frame, outcome = of_split(project, "holdout")
    names = list(settings.data.sensitive)
    whole = pd.concat([table.read_split(project.split(part), names) for part in _PARTS])
    taken = measures(outcome)
    clusters = clusters_of(frame, settings)
    tail = reuse.tail(settings.fairness.confidence, judged.count(project, frame, others))
    findings, compared = [], []
    every = groupings(frame, settings, whole)
    for grouping in every:
        found, facts = _compare(project, grouping, taken, clusters, tail)
        findings += found
        compared.append(facts)
    findings += segment_fairness.findings(
        project, frame, every, taken, clusters=clusters, tail=tail
    )
    if evidence:
        write_json(project.evidence("fairness") / "groups.json", compared)
    return findings


def _compare(
    project: Project,
    grouping: Grouping,
    taken: list[Measure],
    clusters: Clusters | None,
    tail: float,
) -> tuple[list[Finding], dict[str, object]]:
    settings = project.settings.fairness
    sizes = grouping.sizes
    findings = [
        _too_small(name, size, settings.group_rows, len(grouping.codes))
        for name, size in sizes.items()
        if size < settings.group_rows
    ]
    enough = [name for name in grouping.names if sizes[name] >= settings.group_rows]
    large = [name for name in enough if members(grouping, name, clusters) >= FEWEST_MEMBERS]
    findings += [
        _too_few_members(name, members(grouping, name, clusters), sizes[name], project)
        for name in enough
        if name not in large
    ]
    measured = {m.name: compare(grouping, large, m, clusters, tail) for m in taken}
    alone = len(grouping.columns) == 1
    section = "bounds" if alone else "intersections"
    bounds: dict[str, Range] = settings.bounds if alone else settings.intersections
    for key, bound in bounds.items():
        kind, _, comparison = key.rpartition("_")
        source = Bound(project.source("fairness", section, key), bound.low, bound.high)
        for measure in taken:
            if measure.kind != kind:
                continue
            between = measured[measure.name].between[comparison]
            found = judge(
                f"fairness/{grouping.title}/{measure.name} {comparison}",
                between.estimate,
                source,
                interval=(between.low, between.high),
                n=sum(sizes[group] for group in large),
                rarest=_rarest(grouping, large, measure),
                guess=_WIDEST.get(comparison) if kind.endswith("_rate") else None,
            )
            findings.append(with_count(found, clusters, project.settings))
    return findings, _facts(grouping, sizes, measured)


def _rarest(grouping: Grouping, groups: list[str], measure: Measure) -> int:
    """The smallest number of counted rows in any group."""
    if not groups:
        return 0
    codes = grouping.among(groups)
    return int(np.bincount(codes[measure.counted & (codes >= 0)], minlength=len(groups)).min())


def _too_small(name: str, size: int, least: int, rows: int) -> Finding:
    if size == 0:
        why = (
            f"no row of this group is in the holdout, at least {least} are needed: add rows of "
            "this group, or accept this finding by name, with the reason"
        )
    else:
        more = int(np.ceil(rows * least / size)) - rows
        why = (
            f"{size} rows in the holdout, at least {least} are needed: about {more:,} more holdout "
            "rows, or accept this finding by name, with the reason"
        )
    return Finding(f"fairness/{name}/rows", Status.INSUFFICIENT, why, n=size)


def _too_few_members(name: str, members: float, rows: int, project: Project) -> Finding:
    column = project.settings.split.group_column
    why = (
        f"{rows} rows in the holdout, but from only {members:g} values of {column!r}, at least "
        f"{FEWEST_MEMBERS} are needed: add rows with other values, or accept this finding by "
        "name, with the reason"
    )
    return Finding(f"fairness/{name}/rows", Status.INSUFFICIENT, why, n=rows)


def _facts(
    grouping: Grouping, sizes: dict[str, int], measured: dict[str, Compared]
) -> dict[str, object]:
    """Everything that was measured, for the report; undefined values are null."""

    def shown(interval: Interval, **more: float) -> dict[str, float | None]:
        values = {**interval._asdict(), **more}.items()
        return {key: plain(v) if np.isfinite(v) else None for key, v in values}

    return {
        "columns": list(grouping.columns),
        "groups": [
            {
                "group": group,
                "rows": sizes[group],
                "measures": {
                    name: shown(found.groups.get(group, UNDEFINED))
                    for name, found in measured.items()
                },
            }
            for group in grouping.names
        ],
        "between": {
            f"{name} {what}": shown(interval, observed=found.observed.get(what, np.nan))
            for name, found in measured.items()
            for what, interval in found.between.items()
        },
    }
