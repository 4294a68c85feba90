"""Check that nothing in the repository bypasses a gate.

DVC runs the stages of dvc.yaml and skips those that it considers unchanged. Without this check, an
edit of dvc.yaml could remove a gate, and a commit could contain the verdict of a gate that never
ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sluice import files, git, judged
from sluice.errors import SluiceError
from sluice.files import read_yaml
from sluice.pipeline import stages
from sluice.project import Project

_REQUIRED_FILES = ("dvc.yaml", "data.dvc", ".dvc/config")
# The sections of .dvc/config that a locked run accepts, and their keys; all keys of a remote.
_PLAIN_SETTINGS: dict[str, set[str]] = {
    "core": {"analytics", "check_update", "remote", "autostage", "checksum_jobs", "no_scm"},
    "cache": {"dir", "local", "type", "shared"},
    "remote": set(),
}
# With these keys a .dvc file would do more than name files.
_REFUSED_KEYS = ("cmd", "wdir")
_REFUSED_KEYS_OF_DATA = (*_REFUSED_KEYS, "deps", "frozen", "locked")


def require_intact(project: Project) -> None:
    """Raise SluiceError unless a run of DVC runs every gate and writes every verdict itself."""
    for name in _REQUIRED_FILES:
        if not (project.root / name).is_file():
            raise SluiceError(f"{name} is missing: run this in the project's folder")
    for name in (*_REQUIRED_FILES, "dvc.lock", judged.FILE):
        if (project.root / name).is_file():
            files.require_merged((project.root / name).read_bytes(), name)
    stages.require_intact(project.root)
    _require_no_other_stages(project.root)
    _require_no_committed_outputs(project.root.resolve())


def require_judgements(project: Project, base: str) -> None:
    """Raise SluiceError if judged.jsonl lacks a line of the revision `base`.

    Without this check, a contribution could hide how often the holdout has been used.
    """
    commit = git.commit_of(project.root, base)
    before = git.file_at(project.root, commit, judged.FILE) if commit else None
    path = project.root / judged.FILE
    lost = judged.missing(before or b"", path.read_bytes() if path.is_file() else b"")
    if lost:
        raise SluiceError(
            f"{judged.FILE} lacks {lost} lines of {base}, which record how often the holdout was "
            f"used: run 'git checkout {base} -- {judged.FILE}' and then run this again"
        )


def require_plain_settings(root: Path) -> None:
    """Raise SluiceError if .dvc/config does more than name remotes.

    A locked run uses its own cache in any case. Other settings, such as those of templates and
    experiments, could change what DVC runs.
    """
    from dvc.config import Config, ConfigError

    try:
        settings = Config(str(root / ".dvc"), validate=False).load_one("repo")
    except ConfigError as error:
        said = " ".join(str(error).split())
        raise SluiceError(f"DVC cannot read .dvc/config: {said}") from None
    for section, values in ((name, found) for name, found in settings.items() if found):
        keys = _PLAIN_SETTINGS.get(section)
        if keys is None:
            raise SluiceError(f".dvc/config has the section {section!r}: remove it for --locked")
        if other := sorted(set(values) - keys) if keys else []:
            raise SluiceError(f".dvc/config has {section}.{other[0]}: remove it for --locked")


def _require_no_other_stages(root: Path) -> None:
    """Check the other dvc.yaml and .dvc files, because DVC uses every one that it finds."""
    names = {"data.dvc", *git.tracked(root, "*dvc.yaml", "*.dvc")}
    for name in sorted(name for name in names if (root / name).is_file()):
        path = Path(name)
        if path.name == "dvc.yaml" and name != "dvc.yaml":
            raise SluiceError(f"git tracks {name}: move its stages to dvc.yaml in the root")
        if path.suffix == ".dvc":
            _require_only_files(root, name)


def _require_only_files(root: Path, name: str) -> None:
    raw = read_yaml(root / name)
    if not isinstance(raw, Mapping):
        raise SluiceError(f"{name}: expected keys and values")
    for key in _REFUSED_KEYS_OF_DATA if name == "data.dvc" else _REFUSED_KEYS:
        if key in raw:
            raise SluiceError(
                f"{name} has {key!r}: remove it, because the file may only name files"
            )
    for out in raw.get("outs") or ():
        path = str(out.get("path")) if isinstance(out, Mapping) else str(out)
        stages.require_other_place(root, name, path, str(Path(name).parent))


def _require_no_committed_outputs(root: Path) -> None:
    """Refuse outputs that git tracks, because a commit could contain its own verdicts.

    DVC restores an output from its cache without a run if dvc.lock names it.
    """
    submodules = git.submodules(root)
    for folder in (root / "out", *_dvc_folders(root)):
        place = folder.resolve()
        if not place.is_relative_to(root):
            continue
        # Git lists no file of a submodule.
        around = [name for name in submodules if place.is_relative_to(root / name)]
        if tracked := around or git.tracked(root, str(place)):
            name = place.relative_to(root)
            raise SluiceError(
                f"git tracks {tracked[0]}, but the results of gates must come from a run and not "
                f"from a commit: run 'git rm -r --cached {name}', or correct the folder in DVC's "
                "settings ('dvc config --list --show-origin')"
            )


def _dvc_folders(root: Path) -> list[Path]:
    """Return where DVC keeps outputs, results of runs and hashes of files.

    The folders come from DVC's own functions, because DVC also reads the settings of the user and
    of the machine, and accepts several spellings. `dvc.repo.Repo` would give the same answer, but
    takes three times as long (0.7 s).
    """
    from dvc.config import Config
    from dvc.dirs import site_cache_dir
    from dvc.exceptions import DvcException
    from dvc.fs import get_cloud_fs

    own = root / ".dvc"
    try:
        settings = Config(str(own))
        cache = settings["cache"]
        if cache.get("local"):
            _, _, path = get_cloud_fs(settings, name=cache["local"])
        else:
            _, _, path = get_cloud_fs(settings, url=cache.get("dir") or str(own / "cache"))
    except DvcException as error:
        said = " ".join(str(error).split())
        raise SluiceError(f"DVC cannot read its settings: {said}; correct .dvc/config") from None
    # DVC runs in the root, so relative paths start there.
    return [root / path, root / site_cache_dir(settings["core"].get("site_cache_dir")), own / "tmp"]
