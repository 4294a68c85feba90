"""Which findings params.yaml requires from each gate, and with which bounds.

A verdict that is read from a package can be compared with the settings in that package: no required
finding may be missing, and none may be compared with another bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from sluice.config import OF_PAIRS, Range, Settings
from sluice.errors import SluiceError
from sluice.metrics import FAIRNESS_MEASURES, of_task
from sluice.project import DERIVED
from sluice.stats import encoded, one_class
from sluice.stats.bootstrap import FEWEST_CLUSTERS
from sluice.stats.chosen import CHOSEN
from sluice.stats.chosen import LIMIT as CHOSEN_LIMIT
from sluice.verdict import Bound, Finding, Status, Verdict


@dataclass(frozen=True)
class Asked:
    """What a finding must look like.

    bound: None for a finding without a bound. spanned: whether it can pass only with an interval.
    suspicion: whether it may be `insufficient` outside its bound, because the data alone cannot
    decide, but a person can. never_passes: whether it only reports what is missing.
    """

    bound: Bound | None = None
    spanned: bool = False
    suspicion: bool = False
    never_passes: bool = False


@dataclass(frozen=True)
class Expected:
    """The findings of one gate.

    named: findings whose names follow from params.yaml. one_of: groups of names of which exactly
    one is present, such as the column that is the best baseline. patterns: findings that depend on
    the data and may be missing, by a pattern of their name.
    """

    named: dict[str, Asked] = field(default_factory=dict)
    one_of: tuple[dict[str, Asked], ...] = ()
    patterns: dict[str, Asked] = field(default_factory=dict)


def require(verdict: Verdict, settings: Settings, where: str) -> None:
    """Raise SluiceError unless the findings are those that the settings require.

    The findings of the gate `scenarios` follow from the scenarios, and are not compared here.
    """
    if verdict.gate not in _OF_GATE:
        return
    expected = _OF_GATE[verdict.gate](settings)
    accepted = {item.finding: item.reason for item in settings.accept}
    wrong = f"{where}: the verdict of the gate {verdict.gate} does not belong to params.yaml"
    found = {finding.name: finding for finding in verdict.findings}
    if len(found) < len(verdict.findings):
        raise SluiceError(f"{wrong}: two findings have the same name")
    for name in expected.named:
        if name not in found:
            raise SluiceError(f"{wrong}: the finding {name!r} is missing")
    for group in expected.one_of:
        if len(group.keys() & found) != 1:
            raise SluiceError(f"{wrong}: expected exactly one of the findings {sorted(group)}")
    for name, finding in found.items():
        asked = _asked(name, expected)
        if asked is None:
            raise SluiceError(f"{wrong}: it does not require the finding {name!r}")
        if problem := _problem(finding, asked, accepted, derived=settings.bounds == "derived"):
            raise SluiceError(f"{wrong}: {problem}")


def _asked(name: str, expected: Expected) -> Asked | None:
    for named in (expected.named, *expected.one_of):
        if name in named:
            return named[name]
    for pattern, asked in expected.patterns.items():
        if re.fullmatch(pattern, name, re.DOTALL):
            return asked
    return None


def _problem(
    finding: Finding, asked: Asked, accepted: dict[str, str], *, derived: bool
) -> str | None:
    passes = finding.status is Status.PASS
    if asked.never_passes and passes:
        return f"the finding {finding.name!r} cannot pass"
    if not _same_bound(finding.bound, asked.bound, derived=derived):
        return (
            f"the bound of {finding.name!r} is {finding.bound}, but params.yaml requires "
            f"{asked.bound}"
        )
    if asked.spanned and passes and finding.interval is None:
        return f"the finding {finding.name!r} has no interval"
    if finding.accepted is not None and finding.accepted != accepted.get(finding.name):
        return f"params.yaml does not accept {finding.name!r} for the reason that it gives"
    if finding.status is Status.INSUFFICIENT and _fails(finding) and not asked.suspicion:
        return f"{finding.name!r} is outside its bound, so it fails"
    return None


def _fails(finding: Finding) -> bool:
    """Whether everything that was measured lies outside the bound."""
    if finding.bound is None or finding.estimate is None:
        return False
    return finding.bound.excludes(*(finding.interval or (finding.estimate, finding.estimate)))


def _same_bound(found: Bound | None, asked: Bound | None, *, derived: bool) -> bool:
    if found is None or asked is None:
        return found is asked
    source = found.source.removesuffix(DERIVED) if derived else found.source
    return (source, found.low, found.high) == (asked.source, asked.low, asked.high)


def _setting(path: str, low: float | None = None, high: float | None = None) -> Bound:
    return Bound(f"params.yaml: {path}", low, high)


def _of_range(path: str, bound: Range) -> Bound:
    return _setting(path, bound.low, bound.high)


def _data_quality(settings: Settings) -> Expected:
    quality, target = settings.quality, settings.data.target
    named = {
        "columns": Asked(_setting("columns")),
        "rows": Asked(_setting("quality.rows")),
        "duplicated rows": Asked(_setting("quality.duplicates", high=quality.duplicates)),
    }
    for name in settings.columns:
        column = Asked(_setting(f"columns.{name}"))
        named |= {f"{name}/{what}": column for what in _of_column(settings, name)}
    if settings.task == "regression":
        named["target/distinct values"] = Asked(Bound("a constant target cannot be learned", 2.0))
    alike = Asked(_setting("quality.near_duplicates", high=quality.near_duplicates), suspicion=True)
    named["near duplicates"] = alike
    share = Asked(_setting("quality.class_share", quality.class_share))
    named |= {f"share of class {name}": share for name in settings.classes}
    leak = Asked(_setting("quality.leakage", high=quality.leakage), suspicion=True)
    named |= {f"{name}/leakage": leak for name in settings.features if name != target}
    missing = _setting("quality.missing_leakage", high=quality.missing_leakage)
    together = _setting("quality.combined_leakage", high=quality.combined_leakage)
    pair = Bound(OF_PAIRS, high=quality.leakage_of_pairs)
    means = Bound(encoded.MEANS, high=encoded.LIMIT)
    one = Bound(one_class.ONE_CLASS, high=one_class.LIMIT)
    which = Bound(CHOSEN, high=CHOSEN_LIMIT)
    patterns = {
        "data-quality/.+/leakage by missing values": Asked(missing, suspicion=True),
        "data-quality/.+/leakage together": Asked(together, suspicion=True),
        "data-quality/.+/leakage of two": Asked(pair, suspicion=True, never_passes=True),
        "data-quality/.+/means of the target": Asked(means, suspicion=True, never_passes=True),
        "data-quality/.+/known for one class": Asked(one, suspicion=True, never_passes=True),
        "data-quality/.+/value of the chosen column": Asked(
            which, suspicion=True, never_passes=True
        ),
        "data-quality/repeated entities": Asked(_setting("split.group"), never_passes=True),
        "data-quality/usecase/.+": Asked(Bound("src/usecase/expectations.py")),
    }
    return Expected({f"data-quality/{key}": asked for key, asked in named.items()}, (), patterns)


def _of_column(settings: Settings, name: str) -> Iterator[str]:
    column = settings.columns[name]
    mostly = settings.quality.mostly if column.mostly is None else column.mostly
    yield "missing"
    if column.numeric:
        yield from ("type", "range")
    if column.numeric and mostly < 1:
        yield "finite"
    if column.values is not None:
        yield "values"
    if name == settings.data.id:
        yield "unique"


def _parity(settings: Settings) -> Expected:
    near = Asked(_setting("parity.tolerance", high=settings.parity.tolerance))
    same = Asked(Bound("a decision must not depend on the runtime", high=0.0))
    named = {f"parity/{rows}/difference": near for rows in ("holdout", "edges")}
    if settings.task != "regression":
        named |= {f"parity/{rows}/decisions": same for rows in ("holdout", "edges")}
    return Expected(named)


def _performance(settings: Settings) -> Expected:
    performance = settings.performance
    named = {
        f"performance/{name}": Asked(_of_range(f"performance.bounds.{name}", bound), spanned=True)
        for name, bound in performance.bounds.items()
    }
    gain = Asked(_setting("performance.over_baselines", performance.over_baselines), spanned=True)
    usual = "the mean" if settings.task == "regression" else "the majority class"
    named[f"performance/gain over {usual}"] = gain
    if settings.segment_column is not None:
        named |= _of_segments(settings)
    for name, high in performance.ceiling.items():
        if name in of_task(settings.task):
            ceiling = Asked(_setting(f"performance.ceiling.{name}", high=high), suspicion=True)
            named[f"performance/{name} too good to be true"] = ceiling
    uses = Asked(_setting("performance.judgements", high=performance.judgements), suspicion=True)
    named["performance/models judged on this holdout"] = uses
    if settings.task != "regression":
        decides = Asked(Bound("a model decides between classes", low=2))
        named["performance/classes decided for"] = decides
    if settings.split.group_column is not None:
        few = Bound("an interval from fewer groups would be too narrow", low=FEWEST_CLUSTERS)
        named["performance/groups of rows"] = Asked(few, suspicion=True)
    single = "performance/gain over the best single column"
    best = {f"{single} ({name})": gain for name in settings.features}
    several = len(settings.features) > 1
    return Expected(
        named, (best,) * several, {"performance/gates nothing": Asked(never_passes=True)}
    )


def _of_segments(settings: Settings) -> dict[str, Asked]:
    performance, rest = settings.performance, "the model for all rows"
    least = _setting("performance.over_global", performance.over_global)
    most = _setting("performance.segments_on_global", high=performance.segments_on_global)
    none = Bound("a segment must not be worse with a model of its own", high=0)
    return {
        f"performance/gain over {rest}": Asked(least, spanned=True),
        f"performance/share of segments served by {rest}": Asked(most),
        "performance/models of segments that are worse than the one for all rows": Asked(none),
    }


def _fairness(settings: Settings) -> Expected:
    joined = {name for columns in settings.data.attributes.values() for name in columns}
    alone = [name for name in settings.data.sensitive if name not in joined]
    sensitive = [*settings.data.attributes, *alone]
    if not sensitive:
        return Expected({"fairness/sensitive columns": Asked(never_passes=True)})
    of = [f" of {name}" for name in settings.classes] if settings.task == "multiclass" else [""]
    known = FAIRNESS_MEASURES[settings.task]
    named = {}
    for size in range(1, len(sensitive) + 1):
        section = "bounds" if size == 1 else "intersections"
        bounds: dict[str, Range] = getattr(settings.fairness, section)
        for chosen in combinations(sensitive, size):
            for key, bound in bounds.items():
                kind, _, comparison = key.rpartition("_")
                asked = Asked(_of_range(f"fairness.{section}.{key}", bound), spanned=True)
                for suffix in of if kind in known else ():
                    name = f"fairness/{' & '.join(chosen)}/{kind}{suffix} {comparison}"
                    named[name] = asked
    if settings.segment_column is not None:
        none = Asked(Bound("params.yaml: fairness.bounds hold in each segment", high=0))
        named |= {f"fairness/{name}/segments out of bounds": none for name in sensitive}
    return Expected(named, (), {"fairness/.+/rows": Asked(never_passes=True)})


def _explanation(settings: Settings) -> Expected:
    limits = settings.explanation
    share = Asked(_setting("explanation.largest_share", high=limits.largest_share), spanned=True)
    largest = {f"explanation/share of {name}": share for name in settings.features}
    alone = Asked(_setting("explanation.proxy", high=limits.proxy), suspicion=True)
    joint = Asked(_setting("explanation.joint_proxy", high=limits.joint_proxy), suspicion=True)
    # Columns of an attribute are looked at one by one if one of them is an input.
    sensitive = [*settings.data.attributes, *settings.data.sensitive]
    titles = [*sensitive, *(" & ".join(pair) for pair in combinations(sensitive, 2))]
    patterns = {
        re.escape(f"explanation/proxy of {title}/{name}"): alone
        for title in titles
        for name in settings.features
    }
    patterns |= {re.escape(f"explanation/proxy of {name}/all inputs"): joint for name in sensitive}
    several = len(settings.features) > 1
    return Expected({"explanation/inputs": Asked()}, (largest,) * several, patterns)


_OF_GATE = {
    "data-quality": _data_quality,
    "parity": _parity,
    "performance": _performance,
    "fairness": _fairness,
    "explanation": _explanation,
}
