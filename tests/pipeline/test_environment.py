"""A locked run imports only what the locks installed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice.errors import SluiceError
from sluice.pipeline import environment


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with one library, as pip installs it, and the project itself."""
    folder = tmp_path / "site-packages"
    _install(folder, "library", "1.0", {"library/__init__.py": "x = 1\n"})
    path = f"{tmp_path / 'project/src'}\n"
    _install(folder, "sluice", "0.1", {"_editable_impl_sluice.pth": path})
    monkeypatch.setattr(environment, "_library_folders", lambda: [folder.resolve()])
    monkeypatch.setattr(environment.site, "ENABLE_USER_SITE", False)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    for name in ("sluice", "usecase"):
        (project / "src" / name).mkdir(parents=True)
    (project / "requirements").mkdir()
    (project / "requirements/build.txt").write_text("library==1.0 --hash=sha256:0\n", "utf-8")
    return project


def _install(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    rows = []
    files[f"{name}-{version}.dist-info/METADATA"] = f"Name: {name}\nVersion: {version}\n"
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(text)}")
    rows.append(f"{name}-{version}.dist-info/RECORD,,")
    (folder / f"{name}-{version}.dist-info/RECORD").write_text("\n".join(rows), "utf-8")


def _write(name: str, text: str = "x = 2\n") -> Callable[[Path, Path], None]:
    def change(folder: Path, root: Path) -> None:
        path = (root if name.startswith("src/") else folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return change


CHANGES: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "a file of a library": (_write("library/__init__.py"), "was changed after it was installed"),
    "a file that is gone": (
        lambda folder, root: (folder / "library/__init__.py").unlink(),
        "is missing, although a library's RECORD lists it",
    ),
    "lines at every start": (
        _write("attack.pth", "import os\n"),
        "attack.pth belongs to no library",
    ),
    "a module at every start": (
        _write("sitecustomize.py"),
        "sitecustomize.py belongs to no library",
    ),
    "a link to a folder elsewhere": (
        lambda folder, root: (folder / "attack").symlink_to(root),
        "attack belongs to no library",
    ),
    "a compiled module beside the source": (
        _write("library/__init__.cpython-313-x86_64-linux-gnu.so"),
        "belongs to no library that a lock names",
    ),
    "a library of no lock": (
        lambda folder, root: _install(folder, "more", "2.0", {"more.py": ""}),
        "more 2.0 is installed, but no lock in requirements/ names it",
    ),
    "another version of a library": (
        lambda folder, root: (root / "requirements/build.txt").write_text("library==1.1\n"),
        "library 1.0 is installed, but no lock",
    ),
    "a library without records": (
        lambda folder, root: (folder / "library-1.0.dist-info/RECORD").unlink(),
        "library has no RECORD",
    ),
    "the path of something else": (
        lambda folder, root: _install(
            folder, "sluice", "0.1", {"_editable_impl_sluice.pth": "import os\n"}
        ),
        "does not name the src folder",
    ),
    "a third package": (_write("src/helpers/__init__.py"), "src/helpers is not part of the two"),
    "a module beside the packages": (_write("src/sitecustomize.py"), "src/sitecustomize.py is not"),
}


def test_an_untouched_environment_is_accepted(libraries: Path, root: Path) -> None:
    (libraries / "library/__pycache__").mkdir()
    (libraries / "library/__pycache__/a.pyc").write_bytes(b"compiled")
    environment.require_locked(root)
    environment.require_unshadowed(root)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_environment_is_refused(libraries: Path, root: Path, change: str) -> None:
    alter, why = CHANGES[change]
    alter(libraries, root)
    with pytest.raises(SluiceError, match=why):
        environment.require_locked(root)


@pytest.mark.parametrize(
    "name", ["src/library.py", "src/json.py", "sitecustomize.py", "library/__init__.py"]
)
def test_a_module_with_the_name_of_a_library_is_refused(
    libraries: Path, root: Path, name: str
) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).touch()
    with pytest.raises(SluiceError, match="has the name of a library"):
        environment.require_unshadowed(root)


@pytest.mark.heavy
def test_the_tests_run_in_an_environment_that_a_locked_run_accepts() -> None:
    """The check takes seconds, because it reads every file of every library."""
    environment.require_locked(Path(__file__).parents[2])
