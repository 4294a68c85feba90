"""Adopt a table: read it, infer its profile, derive the bounds, and replace the old data last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING

from sluice import config, table
from sluice.adopt import cleanup, committed, replace, source, usecase_files
from sluice.adopt.bounds import DerivedBounds
from sluice.adopt.bounds.derive import derive
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.datasheet import datasheet
from sluice.adopt.date_columns import with_derived
from sluice.adopt.params_yaml import params_yaml, record
from sluice.adopt.profile import TableProfile
from sluice.adopt.profile.infer import infer, project_name, require_features
from sluice.adopt.profile.segments import require_no_leak
from sluice.adopt.profile.words import Keep, parse_keep, without_missing
from sluice.adopt.source import Source
from sluice.adopt.summary import summary
from sluice.adopt.suspects import suspects
from sluice.check.entities import suspected
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.pipeline import dvc, remote
from sluice.project import ADOPTED

if TYPE_CHECKING:
    from pandas import DataFrame


def adopt(
    root: Path,
    file: Path,
    *,
    target: str,
    id: str | None,
    sensitive: list[str],
    keep: Sequence[str] = (),
    keep_suspects: bool = False,
    group: str | None = None,
    by_time: str | None = None,
    segments: str | None = None,
    derive_dates: bool = False,
    drop_missing_target: bool = False,
    say: Callable[[str], None],
) -> None:
    """Replace the project's data, params.yaml and use case with those of the table in `file`.

    target, id, sensitive, group, by_time, segments: names of columns. keep: words such as
    "country=NA", which are values in that column although they mean a missing value in others.
    keep_suspects: whether columns that may be leaks stay model inputs. derive_dates: whether to
    add columns that are derived from dates. drop_missing_target: whether to leave out rows without
    a target. say: prints one line. Raises SluiceError, and leaves the project unchanged, if the
    table cannot be adopted.
    """
    with dvc.exclusive(root):
        replace.restore_interrupted(root)
        replace.require_recoverable(root)
        kept = parse_keep(keep)
        found = source.read(file, kept)
        if file.resolve().is_relative_to((root / "data").resolve()):
            raise SluiceError(
                f"{file} is in data/, which will be replaced: move it elsewhere first"
            )
        rows = len(found.frame)
        if drop_missing_target:
            found = _with_target(found, target, kept)
        if derive_dates:
            known, _ = without_missing(found, target, kept)
            roles = {target, id, group, *sensitive}
            found = with_derived(found, known, roles=roles, by_time=by_time)
        profile = infer(
            found,
            project_name(file),
            target=target,
            id_column=id,
            sensitive=list(dict.fromkeys(sensitive)),
            keep=kept,
            group=group,
            by_time=by_time,
            segments=segments,
        )
        profile = replace_fields(profile, without_target=rows - len(found.frame))
        with replace.new_files(root) as new:
            profile, derived = _prepare(
                root, new, found.frame, profile, file, keep_suspects=keep_suspects, say=say
            )
            replace.replace(root, new)
        shutil.rmtree(root / "out", ignore_errors=True)  # it was built from the old data
        cleared = cleanup.remove_old_objects(root)
        for line in summary(profile, derived, cleared, found.notes):
            say(line)
        if committed.would_commit(root, file):
            say(
                f"Note: {file} is inside the repository, so 'git add -A' would commit it beside "
                "its copy in data/: move it elsewhere, or name it in .gitignore."
            )


def _with_target(found: Source, target: str, kept: Keep) -> Source:
    """Leave out the rows without a target; keep all if no row has one, for `infer` to refuse."""
    if target not in found.frame:
        return found
    known, _ = without_missing(found, target, kept)
    gone = known[target].isna()
    return found if gone.all() else found.without(gone)


def _prepare(
    root: Path,
    new: Path,
    frame: DataFrame,
    profile: TableProfile,
    file: Path,
    *,
    keep_suspects: bool,
    say: Callable[[str], None],
) -> tuple[TableProfile, DerivedBounds]:
    """Write all new files to the folder `new`, and read them back as the project will.

    Return the bounds, and the profile without the columns that were left out.
    """
    suffix = ".parquet" if file.suffix == ".parquet" else ".csv"
    place = f"data/{profile.name}{suffix}"
    for folder in ("data", "src/usecase", "tests/usecase", "docs"):
        (new / folder).mkdir(parents=True)
    source.write(frame, new / place)
    remote.require_room(root, new / place)
    first = _write_params(new, params_yaml(profile, place, permissive_bounds(profile)))
    typed = _read_back(new / place, first, frame)
    say(f"Deriving bounds from {profile.rows:,} rows by cross-validation \u2026")
    if not keep_suspects and (found := suspects(typed, first)):
        require_no_leak(profile, found)
        profile = profile.leaving_out(found)
        require_features(profile)
        first = _write_params(new, params_yaml(profile, place, permissive_bounds(profile)))
    profile = profile.with_entities(suspected(typed, first))
    if profile.segments:  # the bounds are those of the model for all rows
        whole = profile.for_all_rows()
        first = _write_params(new, params_yaml(whole, place, permissive_bounds(whole)))
    derived = derive(typed, first)
    text = params_yaml(profile, place, derived)
    _write_params(new, text)
    texts = {
        ADOPTED: record(text),
        "src/usecase/scenarios.py": usecase_files.scenarios(profile),
        "src/usecase/expectations.py": usecase_files.expectations(),
        "tests/usecase/test_usecase.py": usecase_files.usecase_test(),
        "docs/datasheet.md": datasheet(profile, file.name),
    }
    for name, text in texts.items():
        (new / name).write_text(text, "utf-8")
    return profile, derived


def _write_params(new: Path, text: str) -> Settings:
    path = new / "params.yaml"
    path.write_text(text, "utf-8")
    return config.load(path)


def _read_back(path: Path, found: Settings, frame: DataFrame) -> DataFrame:
    """Return the table as the pipeline will read it; SluiceError if it differs from `frame`."""
    raw = table.read_raw(path, found.columns)
    if list(raw.columns) != list(frame.columns) or len(raw) != len(frame):
        raise SluiceError(
            f"{path.name} reads back with other columns or rows: rename columns with unusual names"
        )
    typed = table.typed(raw, found.columns)
    same = table.typed(frame, found.columns)
    for name in found.columns:
        if not typed[name].equals(same[name]) and not _close(typed[name], same[name]):
            raise SluiceError(
                f"column {name!r} reads back with other values: adopt a Parquet file instead"
            )
    return typed


def _close(one: object, other: object) -> bool:
    """Whether two columns of numbers differ by rounding errors only."""
    import numpy as np

    first, second = np.asarray(one), np.asarray(other)
    return first.dtype.kind == "f" and np.allclose(first, second, 1e-14, 0.0, equal_nan=True)
