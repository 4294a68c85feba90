"""The text of `params.yaml` for an adopted table."""

from __future__ import annotations

import json
import math
import re

from sluice.adopt.derive import Derived, Estimate
from sluice.adopt.infer import Field, Profile
from sluice.config import Groups, Scalar
from sluice.metrics import FAIRNESS_MEASURES

# Words that some YAML reader takes for something else than text.
_TAKEN = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_SENSITIVE = "nobody named a sensitive column when this data was adopted"

_LOAD = """\
# What the server must stand in the test environment; not derived from the data.
load:
  seconds: 5
  connections: 8
  rows: 1               # in a request
  bounds:
    p95_ms: {high: 100}
    p99_ms: {high: 250}
    throughput: {low: 200}    # requests answered rightly in a second
    memory_mib: {high: 512}   # resident, of all processes of the server
    error_rate: {high: 0}     # a wrong score is an error too"""


def text_of(profile: Profile, file: str, derived: Derived | None) -> str:
    """YAML with comments; without `derived` just enough to measure with."""
    parts = [
        _head(profile, file),
        _columns(profile),
        _quality(profile, derived),
        _split(profile),
        _candidates(profile),
        _performance(profile, derived),
        _fairness(profile, derived),
        _explanation(profile, derived),
        _LOAD,
        _accept(profile),
    ]
    return "\n\n".join(parts) + "\n"


def scalar(value: Scalar) -> str:
    """A value as YAML that reads back as the same value of the same type."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = _BARE.fullmatch(value) and value.lower() not in _TAKEN
        return value if plain else _quoted(value)
    spelt = repr(value)
    return spelt.replace("e", ".0e") if "e" in spelt and "." not in spelt else spelt


def _quoted(text: str) -> str:
    """JSON is YAML, but for characters that YAML does not let stand as they are."""
    spelt = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in spelt)


def _head(profile: Profile, file: str) -> str:
    lines = [
        "# Written by 'sluice adopt'. What was derived from the data says so: these are starting",
        "# points that the data as it was then keeps to, not requirements. Set what you need.",
        f"name: {profile.name}",
        f"task: {profile.task}",
        "seed: 1",
        "",
        "data:",
        f"  file: {scalar(file)}",
    ]
    if profile.id is None:
        lines.append("  # Without an id a row is told by all its values when the data is split.")
    else:
        lines.append(f"  id: {scalar(profile.id)}")
    lines.append(f"  target: {scalar(profile.target)}")
    if profile.positive is not None:
        spelt = scalar(profile.positive)
        lines.append(f"  positive: {spelt}  # the rarer label; what the score is the chance of")
    lines += _sensitive(profile)
    return "\n".join(lines)


def _sensitive(profile: Profile) -> list[str]:
    if not profile.sensitive:
        return ["  sensitive: {}         # columns to audit for fairness, see accept below"]
    lines = ["  # Audited, never model inputs unless sensitive_inputs names them.", "  sensitive:"]
    lines += [f"    {scalar(n)}: {_groups(groups)}" for n, groups in profile.sensitive.items()]
    return [*lines, "  sensitive_inputs: []"]


def _groups(groups: Groups) -> str:
    if groups.bands is not None:
        cuts = ", ".join(map(scalar, groups.bands))
        return f"{{bands: [{cuts}]}}  # derived: cuts near the terciles"
    if groups.groups is not None:
        named = ", ".join(f"{scalar(n)}: {_list(v)}" for n, v in groups.groups.items())
        return f"{{groups: {{{named}}}}}  # derived: values of few rows stand together"
    return "{}"


def _list(values: tuple[Scalar, ...] | list[Scalar]) -> str:
    return f"[{', '.join(map(scalar, values))}]"


def _columns(profile: Profile) -> str:
    lines = [
        "# Ranges are what was seen and a tenth more, missing is the share seen and half as much",
        "# again, values are those that were seen. Put in what you know of the columns.",
        "columns:",
    ]
    return "\n".join([*lines, *(_column(field) for field in profile.fields)])


def _column(field: Field) -> str:
    parts = [f"type: {field.type}"]
    if field.use == "ignored":
        parts.append("use: ignored")
    for end, value in {"low": field.low, "high": field.high}.items():
        if value is not None:
            parts.append(f"{end}: {scalar(value)}")
    if field.values:
        parts.append(f"values: {_list(field.values)}")
    if field.missing:
        parts.append(f"missing: {scalar(field.missing)}")
    remark = f"  # {field.remark}" if field.remark else ""
    return f"  {scalar(field.name)}: {{{', '.join(parts)}}}{remark}"


def _quality(profile: Profile, derived: Derived | None) -> str:
    lines = [
        "# Derived from the data.",
        "quality:",
        f"  # Rows at least: four fifths of the {profile.rows:,} seen.",
        f"  rows: {profile.rows * 4 // 5}",
        "  # Share of rows that repeat but for their id, at most.",
        f"  duplicates: {scalar(derived.duplicates) if derived else 1.0}",
    ]
    if profile.task != "regression":
        share = derived.class_share if derived and derived.class_share is not None else 0.0
        lines.append(f"  class_share: {scalar(share)}  # at least; half the rarest class's")
    what = "R2" if profile.task == "regression" else "ROC AUC"
    lines += [
        f"  # How well one column alone may tell the target ({what}), at most.",
        f"  leakage: {scalar(derived.leakage) if derived else 1.0}",
    ]
    if derived and derived.leaks:
        lines.insert(-1, f"  # {_names(derived.leaks)}: tells the target outright. A leak?")
    return "\n".join(lines)


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(map(_quoted, names[:5]))
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _split(profile: Profile) -> str:
    return "\n".join(
        [
            "split:",
            "  salt: sluice",
            "  validation: 0.2",
            f"  holdout: {profile.holdout}",
            "  # Kept aside as the latest production.",
            f"  latest: {0.05 if profile.rows < 1000 else 0.02}",
        ]
    )


def _candidates(profile: Profile) -> str:
    name = "linear" if profile.task == "regression" else "logistic"
    metrics = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
    metric = "mae" if profile.heavy else metrics[profile.task]
    lines = [
        "# Sizes that suit the number of rows.",
        "candidates:",
        f"  {name}: {{model: linear, parameters: {_linear(profile)}}}",
        f"  boosting: {{model: boosting, parameters: {_boosting(profile)}}}",
        "",
        "selection:",
        f"  metric: {metric}",
    ]
    if profile.heavy:
        lines[-1] += "  # not rmse: a hundredth of the rows would decide it"
    costs = {
        "binary": ["false_negative", "false_positive"],
        "multiclass": [str(v) if isinstance(v, int) else v for v in _classes(profile)],
        "regression": ["under", "over"],
    }[profile.task]
    return "\n".join([*lines, *_costs(profile, costs)])


def _classes(profile: Profile) -> list[str]:
    from sluice.labels import label

    goal = next(field for field in profile.fields if field.name == profile.target)
    return [label(value) for value in goal.values]


def _costs(profile: Profile, names: list[str]) -> list[str]:
    what = "missing a class" if profile.task == "multiclass" else "an error"
    named = ", ".join(f"{scalar(name)}: 1" for name in names)
    return [
        f"  # What {what} costs you: nobody said, so all cost the same.",
        f"  costs: {{{named}}}",
    ]


def _linear(profile: Profile) -> str:
    wide = len(profile.features) * 5 > profile.rows
    if profile.task == "regression":
        return f"{{alpha: {100.0 if wide else 1.0}}}"
    width = sum(len(f.values) or 1 for f in profile.features) * max(1, len(_classes(profile)))
    strength = 0.01 if wide else 1.0
    if width > 2000:  # Newton's method would solve a system of that size at each step
        return f"{{C: {strength}, solver: lbfgs, tol: 1.0e-6, max_iter: 2000}}"
    return f"{{C: {strength}}}"


def _boosting(profile: Profile) -> str:
    if profile.rows < 1000:
        size = (60, 0.08, 7, max(5, min(20, profile.rows // 40)))
    elif profile.rows < 20_000:
        size = (100, 0.08, 15, 20)
    else:
        size = (150, 0.06, 15, 50)
    names = ("max_iter", "learning_rate", "max_leaf_nodes", "min_samples_leaf")
    parts = [f"{name}: {value}" for name, value in zip(names, size, strict=True)]
    parts += ["loss: absolute_error"] if profile.heavy else []
    return f"{{{', '.join(parts)}}}"


def _performance(profile: Profile, derived: Derived | None) -> str:
    from sluice.metrics import METRICS

    lines = [
        "parity:",
        "  # Largest difference between the fitted pipeline and its export.",
        f"  tolerance: {scalar(derived.parity if derived else 1e-6)}",
        "",
        "performance:",
        "  over_baselines: 0.0   # how much better than the best single column, at least",
        "  # Derived by cross-validation, which gave the estimate and the standard error behind",
        "  # each: six of these to the safe side, but no worse than a constant answer.",
        "  bounds:",
    ]
    if derived is None:
        metric = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}[profile.task]
        return "\n".join([*lines, f"    {metric}: {{low: 0.0}}"])
    for name, estimate in derived.estimates.items():
        end = "low" if METRICS[name].higher_is_better else "high"
        said = f"derived: {estimate.value:.3g} \u00b1 {estimate.error:.2g}"
        lines.append(f"    {name}: {{{end}: {scalar(estimate.bound)}}}  # {said}")
    return "\n".join(lines)


def _fairness(profile: Profile, derived: Derived | None) -> str:
    lines = [
        "fairness:",
        "  # Smaller groups are 'insufficient'.",
        f"  group_rows: {derived.group_rows if derived else 30}",
    ]
    if not profile.sensitive:
        return "\n".join([*lines, "  bounds: {}", "  intersections: {}"])
    if derived is None:
        any_bound = f"{{{FAIRNESS_MEASURES[profile.task][0]}_difference: {{high: 1}}}}"
        return "\n".join([*lines, f"  bounds: {any_bound}", f"  intersections: {any_bound}"])
    lines.append(
        "  # Derived: what was met by cross-validation, well to the safe side. Set what you owe."
    )
    for section, found in {
        "bounds": derived.fairness,
        "intersections": derived.intersections,
    }.items():
        lines.append(f"  {section}:")
        lines += [f"    {name}: {_at_most(estimate)}" for name, estimate in found.items()]
    return "\n".join(lines)


def _at_most(estimate: Estimate) -> str:
    said = f"  # met: {estimate.value:.2g}" if math.isfinite(estimate.value) else ""
    return f"{{high: {scalar(estimate.bound)}}}{said}"


def _explanation(profile: Profile, derived: Derived | None) -> str:
    share = derived.largest_share if derived else 0.0
    most = max(0.8, min(1.0, math.ceil((share + 0.2) * 20) / 20))
    lines = [
        "explanation:",
        f"  largest_share: {most}    # of the total importance, in one feature",
    ]
    if derived and most > 0.8:
        lines.append(f"  # Derived: {_quoted(derived.largest)} alone moves most of the score.")
    if len(profile.features) > 100:
        rows = max(20, 20_000 // len(profile.features))
        lines.append(f"  rows: {rows}  # fewer than usual, as there are many columns")
    return "\n".join(lines)


def _accept(profile: Profile) -> str:
    lines = [
        "# An 'insufficient' to live with, by the name that the report gives it, and why:",
        "# - {finding: performance/roc_auc, reason: too few rows so far; by N. N., until May}",
    ]
    if profile.sensitive:
        return "\n".join([*lines, "accept: []"])
    return "\n".join(
        [
            *lines,
            "accept:",
            "  - finding: fairness/sensitive columns",
            f"    reason: {_NO_SENSITIVE}; name some, or say here why there are none",
        ]
    )
