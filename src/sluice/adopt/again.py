"""Derive the bounds of adopted data again, and keep what a person has set in params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluice import config, table
from sluice.adopt import committed, edits, replace, source
from sluice.adopt.bounds.derive import derive
from sluice.adopt.bounds.permissive import permissive_bounds
from sluice.adopt.date_columns import with_remarks_on_derived
from sluice.adopt.edits import Edit
from sluice.adopt.params_yaml import params_yaml, record
from sluice.adopt.profile.infer import infer, require_features
from sluice.adopt.profile.segments import require_no_leak
from sluice.adopt.profile.words import without_missing
from sluice.adopt.summary import again
from sluice.adopt.suspects import suspects
from sluice.check.entities import suspected
from sluice.config import Settings
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.labels import label
from sluice.missing import is_missing
from sluice.pipeline import dvc
from sluice.project import ADOPTED

if TYPE_CHECKING:
    from sluice.adopt.profile import TableProfile


def adopt_again(root: Path, *, keep_suspects: bool = False, say: Callable[[str], None]) -> None:
    """Rewrite params.yaml for the data that it names.

    The target, the id, the sensitive columns and every other setting that differs from what the
    last adoption wrote stay as they are. Raises SluiceError, and leaves the project unchanged,
    if git could not restore the old params.yaml or if the data cannot be adopted.
    """
    with dvc.exclusive(root):
        replace.restore_interrupted(root)
        committed.require_committed(root, "params.yaml", ADOPTED)
        settings, written = config.load(root / "params.yaml"), read_yaml(root / "params.yaml")
        adopted = _adopted(root, settings)
        kept = [edit for edit in edits.edits(adopted, written) if edit.path != ("bounds",)]
        inferred = _infer(root, settings)
        uses = edits.uses(kept, written)
        profile = inferred.with_uses(uses)
        with replace.new_files(root) as new:
            profile, text = _derive(
                root, new, profile, settings, kept, keep_suspects=keep_suspects, say=say
            )
            (new / "params.yaml").write_text(edits.apply(text, kept), "utf-8")
            own = [_own_use(inferred, name) for name in uses]
            (new / ADOPTED).write_text(record(edits.apply(text, own)), "utf-8")
            config.load(new / "params.yaml")
            replace.replace_settings(root, new)
        for line in again(profile, [".".join(map(str, edit.path)) for edit in kept]):
            say(line)


def _adopted(root: Path, settings: Settings) -> Any:
    if settings.bounds == "confirmed":
        raise SluiceError(
            "params.yaml says 'bounds: confirmed', so no bound may be derived again: write "
            "'bounds: derived' there and commit it first"
        )
    adopted = read_yaml(root / ADOPTED) if (root / ADOPTED).exists() else None
    if not adopted:
        raise SluiceError(
            f"{ADOPTED} does not say what 'sluice adopt' wrote, so your changes cannot be "
            "identified: adopt the file again"
        )
    return adopted


def _own_use(inferred: TableProfile, name: str) -> Edit:
    """Return the `use` that an adoption would give a column; another one was set by a person."""
    ignored = any(column.name == name for column in inferred.ignored)
    return Edit(("columns", name, "use"), "ignored", removed=not ignored)


def _infer(root: Path, settings: Settings) -> TableProfile:
    """Infer the profile from the data, with the roles of columns in params.yaml."""
    data = settings.data
    keep = {
        name: {word for word in map(label, column.values or ()) if is_missing(word)}
        for name, column in settings.columns.items()
    }
    kept = {name: words for name, words in keep.items() if words}
    found = source.read(root / data.file, kept)
    known, _ = without_missing(found, data.target, kept)
    return infer(
        with_remarks_on_derived(found, known),
        settings.name,
        target=data.target,
        id_column=data.id,
        sensitive=list(data.sensitive),
        keep=kept,
        group=settings.split.group,
        by_time=settings.split.by_time,
        segments=settings.segment_column,
        known=settings.task,
    )


def _derive(
    root: Path,
    new: Path,
    profile: TableProfile,
    settings: Settings,
    kept: list[Edit],
    *,
    keep_suspects: bool,
    say: Callable[[str], None],
) -> tuple[TableProfile, str]:
    """Return params.yaml with derived bounds. A person's settings are not in it, but the bounds
    take them into account.
    """
    file = settings.data.file
    first = _settings(new, profile, file, kept)
    typed = table.typed(table.read_raw(root / file, first.columns), first.columns)
    say(f"Deriving bounds from {profile.rows:,} rows by cross-validation \u2026")
    trusted = frozenset(
        edit.path[1] for edit in kept if edit.path[0] == "columns" and edit.path[-1] == "use"
    )
    if not keep_suspects and (found := suspects(typed, first, trusted=trusted)):
        require_no_leak(profile, found)
        profile = profile.leaving_out(found)
        require_features(profile)
        first = _settings(new, profile, file, kept)
    profile = profile.with_entities(suspected(typed, first))
    if profile.segments:  # the bounds are those of the model for all rows
        own = [edit for edit in kept if edit.path[:2] != ("data", "segments")]
        first = _settings(new, profile.for_all_rows(), file, own)
    return profile, params_yaml(profile, file, derive(typed, first))


def _settings(new: Path, profile: TableProfile, file: str, kept: list[Edit]) -> Settings:
    text = params_yaml(profile, file, permissive_bounds(profile))
    path = new / "params.yaml"
    path.write_text(edits.apply(text, kept), "utf-8")
    return config.load(path)
