"""Compare two versions of params.yaml, and sort the files that a contribution changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.contribution import deciding_files, display
from sluice.contribution.direction import kind_of
from sluice.contribution.flatten import flatten_both
from sluice.contribution.record import ChangedSetting, Contribution, Kind
from sluice.contribution.values import same

_ORDER: tuple[Kind, ...] = ("looser", "changed", "tighter")
# The list of candidates does not affect how they are judged; most contributions change it.
_NO_JUDGEMENT = {"name", "candidates"}


def compare(against: str, base: Any, here: Any, paths: Iterable[str]) -> Contribution:
    """What changes from `base` to `here`.

    against: the name of the base branch or commit. base, here: params.yaml as parsed YAML,
    which need not be valid settings. paths: the files that differ, relative to the project.
    Raises SluiceError if params.yaml is too large to compare.
    """
    settings = _changed_settings(base, here)
    changed = sorted(set(paths))
    return Contribution(
        against,
        settings,
        deciding_files.deciding(changed, settings_changed=bool(settings)),
        deciding_files.of_usecase(changed),
    )


def _changed_settings(base: Any, here: Any) -> tuple[ChangedSetting, ...]:
    before, after = flatten_both(base, here)
    in_both = {path[:2] for path in before} & {path[:2] for path in after}
    changed = [
        ChangedSetting(
            display.key(path),
            *display.difference(before.get(path), after.get(path)),
            kind_of(path, before, after, in_both),
        )
        for path in dict.fromkeys([*before, *after])
        if path[0] not in _NO_JUDGEMENT and not same(before.get(path), after.get(path))
    ]
    return tuple(sorted(changed, key=lambda one: _ORDER.index(one.kind)))
