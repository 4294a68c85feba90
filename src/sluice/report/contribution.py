"""What a contribution changes of how it is judged: settings that gate, and files that decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from reprlib import Repr
from typing import Any, Literal

import msgspec

from sluice.errors import SluiceError

_MOST, _DEEPEST = 20_000, 20
_SHORT = Repr()
_SHORT.maxlist = _SHORT.maxdict = 12
_SHORT.maxstring = _SHORT.maxother = 200

Kind = Literal["looser", "changed", "tighter"]
_ORDER: tuple[Kind, ...] = ("looser", "changed", "tighter")

# Everything in params.yaml but who competes: that is what a contribution is for.
_FREE = {"name", "candidates"}
# Which way a number of this name lets more through.
_UP = {
    "high", "tolerance", "leakage", "duplicates", "missing", "largest_share",
    "under_champion", "p95_ms", "p99_ms", "memory_mib", "error_rate",
}  # fmt: skip
_DOWN = {
    "low", "rows", "class_share", "group_rows", "over_baselines", "resamples", "confidence",
    "holdout", "throughput", "margin",
}  # fmt: skip
# Below these, what is gone gates no more.
_GATING = ("quality", "performance", "fairness", "parity", "explanation", "load", "champion",
           "data.sensitive", "columns")  # fmt: skip

# Who edits these decides what the gates see, or whether they run. CODEOWNERS names the same.
DECIDING = (
    ".ci/", ".dvc/", ".dvcignore", ".github/", "CODEOWNERS", "Makefile", "dvc.yaml",
    "image/", "params.yaml", "pyproject.toml", "requirements/", "src/sluice/", "tests/",
)  # fmt: skip


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting, as it is on the base branch and as it would be; a dash where it is not there."""

    key: str
    before: str
    after: str
    kind: Kind


class Contribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`against` is the base branch. `settings` has what loosens first."""

    against: str
    settings: tuple[Changed, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def looser(self) -> int:
        return sum(one.kind == "looser" for one in self.settings)


def compare(against: str, base: Any, here: Any, paths: Iterable[str]) -> Contribution:
    """Hold the params.yaml of two sides, as plain data, and the paths that differ against rules."""
    before, after = _settings(base), _settings(here)
    changed = [
        Changed(key, _shown(before.get(key)), _shown(after.get(key)), _kind(key, before, after))
        for key in dict.fromkeys([*before, *after])
        if _shown(before.get(key)) != _shown(after.get(key)) and key.split(".")[0] not in _FREE
    ]
    changed.sort(key=lambda one: _ORDER.index(one.kind))
    free = ("tests/usecase/",) if changed else ("tests/usecase/", "params.yaml")
    files = sorted({p for p in paths if p.startswith(DECIDING) and not p.startswith(free)})
    return Contribution(against, tuple(changed), tuple(files))


def _settings(raw: Any) -> dict[str, Any]:
    """A file of aliases to aliases can say more than fits into memory."""
    flat = dict(islice(_flat(raw), _MOST + 1))
    if len(flat) > _MOST:
        raise SluiceError(f"params.yaml: more than {_MOST:,} settings, so it cannot be compared")
    return flat


def _flat(value: Any, key: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and value and key.count(".") < _DEEPEST:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and key == "accept":
        for item in value:
            named = item.get("finding") if isinstance(item, Mapping) else item
            reason = item.get("reason", "") if isinstance(item, Mapping) else ""
            yield f"accept: {_shown(named)}", _shown(reason)
    elif key:
        yield key, value


def _kind(key: str, before: dict[str, Any], after: dict[str, Any]) -> Kind:
    gates = key.startswith(_GATING)
    if key.startswith("accept: "):
        return "looser" if key in after else "tighter"
    if key not in after and gates:
        return "looser"
    if key in before and key in after and (gates or key == "split.holdout"):
        return _direction(key.rpartition(".")[2], before[key], after[key])
    return "tighter" if gates and _numbers(after.get(key)) else "changed"


def _direction(name: str, before: Any, after: Any) -> Kind:
    if not _numbers(before, after) or name not in _UP | _DOWN:
        return "changed"
    return "looser" if (after > before) == (name in _UP) else "tighter"


def _numbers(*values: Any) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else _SHORT.repr(value).strip("'")
