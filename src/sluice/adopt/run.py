"""Adopt a table: read, infer, measure, write, and only then replace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import config, table
from sluice.adopt import cleanup, infer, replace, settings, skeleton, source
from sluice.adopt.derive import Derived, derive
from sluice.adopt.infer import Profile
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.pipeline import dvc, remote

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 20
_LARGEST_FILE = 100 * 2**20  # that GitHub takes


def adopt(
    root: Path,
    file: Path,
    *,
    target: str,
    id: str | None,
    sensitive: list[str],
    say: Callable[[str], None],
) -> None:
    """Replace the project's data, settings and use case by those of `file`.

    Raises SluiceError, with the project as it was, for what cannot be adopted.
    """
    with dvc.alone(root):
        replace.recover(root)
        replace.require_clean(root)
        frame = source.read(file)
        if file.resolve().is_relative_to((root / "data").resolve()):
            raise SluiceError(
                f"{file} lies in data/, which is going to be replaced: move it elsewhere"
            )
        profile = infer.infer(
            frame,
            infer.slug(file),
            target=target,
            id_column=id,
            sensitive=list(dict.fromkeys(sensitive)),
        )
        with replace.prepared(root) as new:
            derived = _prepare(root, new, frame, profile, file, say=say)
            replace.put(root, new)
        shutil.rmtree(root / "out", ignore_errors=True)  # it was built from the old data
        cleared = cleanup.remove_old_objects(root)
        for line in summary(profile, derived, cleared):
            say(line)


def _prepare(
    root: Path,
    new: Path,
    frame: DataFrame,
    profile: Profile,
    file: Path,
    *,
    say: Callable[[str], None],
) -> Derived:
    """Write all new files into a folder, and read them back as the project will."""
    suffix = ".parquet" if file.suffix == ".parquet" else ".csv"
    place = f"data/{profile.name}{suffix}"
    for folder in ("data", "src/usecase", "tests/usecase", "docs"):
        (new / folder).mkdir(parents=True)
    source.write(frame, new / place)
    _require_room(root, new / place)
    first = _settings(new, settings.text_of(profile, place, None))
    typed = _read_back(new / place, first, frame)
    say(f"Measuring {profile.rows:,} rows by cross-validation \u2026")
    derived = derive(typed, first)
    _settings(new, settings.text_of(profile, place, derived))
    (new / "src/usecase/scenarios.py").write_text(skeleton.scenarios(profile), "utf-8")
    (new / "src/usecase/expectations.py").write_text(skeleton.EXPECTATIONS, "utf-8")
    (new / "tests/usecase/test_usecase.py").write_text(skeleton.TEST, "utf-8")
    (new / "docs/datasheet.md").write_text(skeleton.datasheet(profile, file.name), "utf-8")
    return derived


def _require_room(root: Path, path: Path) -> None:
    size = path.stat().st_size
    if size > _LARGEST_FILE and remote.inside(root) is not None:
        raise SluiceError(
            f"{path.name} would be {size / 2**20:,.0f} MiB in the store inside the repository, and "
            f"GitHub refuses files over {_LARGEST_FILE / 2**20:,.0f}: adopt it as Parquet, or set "
            "another store first ('dvc remote add -d --force storage s3://bucket/path')"
        )


def _settings(new: Path, text: str) -> Settings:
    path = new / "params.yaml"
    path.write_text(text, "utf-8")
    return config.load(path)


def _read_back(path: Path, found: Settings, frame: DataFrame) -> DataFrame:
    """The table as the build will see it; SluiceError if it is not what was read."""
    raw = table.read_raw(path, found.columns)
    if list(raw.columns) != list(frame.columns) or len(raw) != len(frame):
        raise SluiceError(f"{path.name} reads back as another table: a column's name is too odd")
    typed = table.typed(raw, found.columns)
    same = table.typed(frame, found.columns)
    for name in found.columns:
        if not typed[name].equals(same[name]) and not _close(typed[name], same[name]):
            raise SluiceError(f"column {name!r} reads back with other values: adopt a Parquet file")
    return typed


def _close(one: object, other: object) -> bool:
    import numpy as np

    first, second = np.asarray(one), np.asarray(other)
    return first.dtype.kind == "f" and np.allclose(first, second, 1e-14, 0.0, equal_nan=True)


def summary(profile: Profile, derived: Derived, cleared: bool) -> list[str]:
    """What a person should know of what was done."""
    goal = f"{profile.task}: {profile.target!r}"
    if profile.positive is not None:
        goal += f", positive is {profile.positive!r} (the rarer label)"
    lines = [f"Adopted {profile.rows:,} rows as {profile.name!r}. {goal}."]
    lines.append(f"{len(profile.features)} columns are inputs.")
    lines += [f"  ignored: {f.name}: {f.remark}" for f in profile.ignored[:_SHOWN]]
    if len(profile.ignored) > _SHOWN:
        lines.append(f"  ignored: {len(profile.ignored) - _SHOWN} more, see params.yaml")
    if profile.heavy:
        lines.append(
            "  note: a hundredth of the rows holds much of the target's variance, so the mean "
            "absolute error is used; its logarithm may be easier to predict"
        )
    if profile.rare is not None:
        lines.append(
            f"  note: {profile.rare:.1%} of the rows are positive: with errors of equal cost the "
            "model flags few or nobody; set selection.costs.false_negative in params.yaml"
        )
    lines += [
        f"  note: {f.name}: {f.remark}" for f in profile.fields if f.remark and f.use != "ignored"
    ]
    lines += [
        f"  note: {name}: values of few rows are compared together, see data.sensitive"
        for name, groups in profile.sensitive.items()
        if groups.groups is not None
    ]
    if profile.id is None:
        lines.append("No --id was named: a row is told by all its values when the data is split.")
    lines += [
        f"A LEAK? {name!r} alone tells the target; the data-quality gate will refuse it. Leave the "
        "column out, or give it the use 'ignored' in params.yaml."
        for name in derived.leaks
    ]
    if not profile.sensitive:
        lines.append(
            "NOBODY'S TREATMENT IS COMPARED: no --sensitive column was named. params.yaml accepts "
            "that under its own name; the report and the model card say so."
        )
    if not cleared:
        lines.append(
            "Objects of the old data are still in the DVC remote. They are removed only from a "
            "remote inside this repository, if they are committed and neither another branch or "
            "tag, the stash nor another DVC file names them."
        )
    lines.append(
        "Derived from the data, not decided by anyone: ranges, quality, performance and fairness "
        "bounds in params.yaml; what is not known stands in brackets in docs/datasheet.md."
    )
    lines.append("Next: 'make package', read out/report/report.html, then 'git add -A' and commit.")
    return lines
