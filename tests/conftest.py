"""What all tests share: a small project that is built once, and the markers `heavy` and `long`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sluice.confined import run as confined
from support import memory_folder, preloaded, remembered
from support.command_line import CommandLine, InProcess
from support.fixture_project import Ran, Toy
from support.fixture_project import green as build_green
from support.fixture_project.data import TARGET
from support.shared import once

if TYPE_CHECKING:
    from support.spark import Cluster

pytest.register_assert_rewrite("support.refusal")

memory_folder.use()
remembered.use()
if "PYTEST_XDIST_WORKER" not in os.environ:
    preloaded.share()

# A plugin instead of imports in two folders, because each import would build the images again.
pytest_plugins = ["support.image.fixtures"]

# PySpark ends a process whose main module has no file, because it takes it for a doctest. The
# workers of pytest-xdist have no such file, and great-expectations imports PySpark if it is
# installed.
vars(sys.modules["__main__"]).setdefault("__file__", __file__)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def built(run_folder: Path) -> Iterator[Callable[[str], Toy]]:
    """The project of a task with its package built; tests must not change it."""

    def get(task: str) -> Toy:
        root = once(run_folder, f"toy-{task}", lambda root: build_green(root, task))
        used[task] = Toy(root)
        return used[task]

    used: dict[str, Toy] = {}
    yield get
    for each in used.values():
        each.require_unchanged()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Spark cluster; tests that use it are in the xdist group `spark`, so that it starts once."""
    from support import spark  # imports PySpark

    with spark.cluster(tmp_path_factory.mktemp("spark")) as running:
        yield running


@pytest.fixture
def toy(built: Callable[[str], Toy], tmp_path: Path) -> Toy:
    """A binary project with passing gates that the test may change."""
    return built("binary").copy(tmp_path / "toy")


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs commands in the process of the test."""
    return CommandLine(monkeypatch, capfd)


@pytest.fixture
def in_process(command_line: CommandLine) -> InProcess:
    """`in_process(toy, "check", "fairness")`: what `toy.sluice` does, without a new process."""

    def run(toy: Toy, *arguments: str, **environment: str) -> Ran:
        return command_line.run(toy.root, *arguments, **toy.environment(**environment))

    return run


@pytest.fixture(autouse=True)
def forked_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks of the use case, which are confined, need not import the libraries first."""
    monkeypatch.setattr(confined, "_start", preloaded.start_task)


# Images of the fixture project's packages, and those that tests build of others.
_IMAGES = (*(f"org.opencontainers.image.title=toy-{task}" for task in TARGET), "org.sluice.test")


@pytest.fixture(scope="session")
def engine(run_folder: Path) -> Iterator[None]:
    """After the last test, remove the gigabytes that the tests leave in the container engine.

    The last process that has used the engine removes it: another one may still need its images.
    """
    users = run_folder / "engine-users"
    users.mkdir(exist_ok=True)
    own = users / str(os.getpid())
    own.touch()
    yield
    own.unlink()
    if not any(users.iterdir()):
        _clear_engine()


def _clear_engine() -> None:
    for label in _IMAGES:
        listed = ("image", "ls", "--quiet", "--filter", f"label={label}")
        if left := _docker(*listed).split():
            # Another run of the tests may remove the same images at the same time.
            _docker("image", "rm", "--force", *sorted(set(left)), check=False)
            assert not set(left) & set(_docker(*listed).split())
    _docker("image", "prune", "--force", "--filter", "label=org.sluice.stage=build", check=False)


def _docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=check)
    return done.stdout


# Fixtures that build a whole package, adopt a table with DVC, use the container engine, or start a
# Spark cluster.
_HEAVY = {"adopted", "built", "cluster", "engine"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what `make quick` leaves out, by the fixtures that each test uses, and skip long tests.

    The longest tests come first, so that no worker still runs one when the other has finished.
    """
    for item in items:
        if isinstance(item, pytest.Function) and _HEAVY & set(item.fixturenames):
            item.add_marker(pytest.mark.heavy)
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.heavy)
            if not config.getoption("--full"):
                item.add_marker(_LEFT_OUT)
    items.sort(key=lambda item: ("workflows" not in item.path.parts, not _is_heavy(item)))


_LEFT_OUT = pytest.mark.skip(reason="takes long: make test-full runs it, also every week on GitHub")


def _is_heavy(item: pytest.Item) -> bool:
    return item.get_closest_marker("heavy") is not None


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Workers must collect the same test names, but an archive contains its time of creation."""
    unfit = isinstance(val, bytes) or (isinstance(val, str) and len(val) > 200)
    return argname if unfit else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores, because tests often wait for servers and the
    engine.
    """
    from joblib import cpu_count  # this function also knows the limits of a container

    return int(cpu_count()) + 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="adversaries at their full size")


@pytest.fixture(scope="session")
def full_size(pytestconfig: pytest.Config) -> bool:
    """Whether this is `make test-full`."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(scope="session")
def size(full_size: bool) -> Callable[[int, int], int]:
    """The sizes of a test: the first in every run, the second in `make test-full`."""
    return lambda every_run, at_full_size: at_full_size if full_size else every_run
