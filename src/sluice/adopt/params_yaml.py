"""The text of `params.yaml` for an adopted table."""

from __future__ import annotations

import math

from sluice.adopt import hyperparameters, segments
from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.profile import ColumnProfile, TableProfile
from sluice.adopt.profile.margins import mostly
from sluice.adopt.render import YamlValue, template

_LEAST_INFLUENCE, _MOST_INFLUENCE = 0.8, 0.99
_MANY_FEATURES = 100
_EXPLAINED_CELLS = 20_000
_RECORD = """\
# params.yaml as 'sluice adopt' last wrote it; do not edit. A bound that still has its value from
# here is called derived, and 'sluice adopt --again' may change it.
"""


def params_yaml(profile: TableProfile, file: str, derived: DerivedBounds) -> str:
    """Return YAML with comments. `file` is the path of the data in the project."""
    from sluice.config.stages import CEILING
    from sluice.metrics import METRICS, of_task

    influence = _LEAST_INFLUENCE
    if derived.largest not in derived.leaks:  # a leak must not loosen a bound
        wanted = math.ceil((derived.largest_share + 0.2) * 20) / 20
        influence = max(influence, min(_MOST_INFLUENCE, wanted))
    many = len(profile.features) > _MANY_FEATURES
    return template("params.yaml.j2").render(
        profile=profile,
        file=file,
        derived=derived,
        columns={column.name: _column(column) for column in profile.columns},
        remarks={column.name: column.remark for column in profile.columns},
        candidates=hyperparameters.candidates(profile),
        metric=hyperparameters.selection_metric(profile),
        on_global=segments.on_global(profile),
        server_memory=hyperparameters.server_memory(profile),
        costs=hyperparameters.costs(profile),
        metrics=METRICS,
        ceilings={name: high for name, high in CEILING.items() if name in of_task(profile.task)},
        isnan=math.isnan,
        influence=influence,
        mostly=mostly(profile.rows),
        explained_rows=max(20, _EXPLAINED_CELLS // len(profile.features)) if many else None,
    )


def record(text: str) -> str:
    """Return the text of adopted.yaml for the text of the params.yaml that an adoption wrote."""
    return _RECORD + text


def _column(column: ColumnProfile) -> dict[str, YamlValue]:
    keys: dict[str, YamlValue | None] = {
        "type": column.type,
        "use": "ignored" if column.use == "ignored" else None,
        "low": column.low,
        "high": column.high,
        "values": column.values or None,
        "levels": column.levels or None,
        "missing": column.missing or None,
        "mostly": column.mostly,
    }
    return {key: value for key, value in keys.items() if value is not None}
