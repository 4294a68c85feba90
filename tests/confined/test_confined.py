"""The use case's code reads only its inputs, writes one folder, and returns only data."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sluice.confined import kernel
from sluice.confined.run import UNCONFINED, Results, run
from sluice.errors import SluiceError
from sluice.scenario import AnyScenario

ATTACKS = Path(__file__).with_name("attacks.py")


@pytest.fixture(autouse=True)
def landlock() -> None:
    """Without Landlock none of this can be tested, so the tests require it."""
    assert not kernel.lacking(), f"these tests need a machine with Landlock: {kernel.lacking()}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a use case that does nothing."""
    for name in ("src/usecase", "data", ".git"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src/usecase/__init__.py").touch()
    (tmp_path / "data/table.csv").write_text("secret\n", "utf-8")
    (tmp_path / ".git/config").write_text("[core]\n", "utf-8")
    return tmp_path


def declare(root: Path, source: str, module: str = "scenarios") -> None:
    (root / f"src/usecase/{module}.py").write_text(source, "utf-8")


@contextmanager
def results(root: Path, task: str = "scenarios") -> Iterator[Results]:
    with run(root, task) as found:
        yield found


def refusal(root: Path, source: str, task: str = "scenarios") -> str:
    declare(root, source, task)
    with pytest.raises(SluiceError) as caught, results(root, task):
        pass
    return str(caught.value)


def test_a_hostile_use_case_achieves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt is refused, even as root, and no process outlives the task."""
    shutil.copyfile(ATTACKS, root / "src/usecase/scenarios.py")
    places = {"root": str(root), "home": str(Path.home()), "temporary": tempfile.gettempdir()}
    monkeypatch.setenv("USECASE_PLACES", json.dumps(places))
    monkeypatch.setenv("SLUICE_TEST_SECRET", "a token")
    before = sorted(path.relative_to(root) for path in root.rglob("*"))
    state = (root / "data/table.csv").stat()
    with results(root) as found:
        said = [one["name"].split(": ") for one in found.json("scenarios.json", list[dict])]
        time.sleep(3)
        assert not (found.folder / "late").exists()
        assert found.confined
    came_to = {what: outcome.split(" ")[0] for what, outcome in said}
    allowed = {what for what in came_to if what.startswith("may ")}
    assert len(came_to) > 25
    assert {what for what, outcome in came_to.items() if outcome != "refused"} == allowed
    assert sorted(path.relative_to(root) for path in root.rglob("*")) == before
    assert (root / "data/table.csv").stat() == state
    assert not [name for name in os.listdir(tempfile.gettempdir()) if name == "attack"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("SCENARIOS = None", "scenarios.py: SCENARIOS is None, expected a sequence"),
        ("import sys; sys.exit(0)", "scenarios.py: SystemExit: 0"),
        ("import os; os._exit(9)", "ended with status 9"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status"),
        ("1 / 0", "scenarios.py: ZeroDivisionError"),
        ("print('::set-env name=A::b'); 1 / 0", "ZeroDivisionError"),
    ],
)
def test_code_that_returns_no_result(
    root: Path, capsys: pytest.CaptureFixture[str], source: str, why: str
) -> None:
    assert why in refusal(root, source)
    printed = capsys.readouterr().out.splitlines()
    assert all(line.startswith("usecase: ") for line in printed)


def test_files_that_are_not_plain_are_not_read(root: Path) -> None:
    """A result file must be plain data; otherwise it is refused."""
    made = "import os; from pathlib import Path; SCENARIOS = []; "
    for how, why in (
        ("os._exit(0)", "wrote no valid scenarios.json"),
        ("os.mkdir('scenarios.json'); os._exit(0)", "is not a plain file"),
        ("os.write(os.open('scenarios.json', 65), b'['); os._exit(0)", "truncated"),
        ("os.write(os.open('scenarios.json', 65), b'[{\"kind\": \"mine\"}]'); os._exit(0)", "mine"),
    ):
        declare(root, made + how)
        with results(root) as found, pytest.raises(SluiceError, match=why):
            found.json("scenarios.json", list[AnyScenario])


def test_a_link_among_the_code_is_refused(root: Path) -> None:
    """The target of a link would be copied to where the code may read it."""
    (root / "src/usecase/holdout").symlink_to(root / "data/table.csv")
    assert refusal(root, "SCENARIOS = []").startswith("src/usecase/holdout is not a plain file")


def test_a_module_of_the_use_case_does_not_replace_a_library(root: Path) -> None:
    for name in ("msgspec", "numpy", "json"):
        (root / f"src/usecase/{name}.py").write_text("raise SystemExit('imported')\n", "utf-8")
        (root / f"src/{name}.py").write_text("raise SystemExit('imported')\n", "utf-8")
    declare(root, "import json, msgspec, numpy\nSCENARIOS = []\n")
    with results(root) as found:
        assert found.json("scenarios.json", list) == []


def test_where_the_kernel_cannot_confine_nothing_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = root / "ran"
    source = f"from pathlib import Path\nPath({str(ran)!r}).touch()\nSCENARIOS = []\n"
    monkeypatch.setattr(kernel, "version", lambda: 0)
    assert "cannot be confined here: this kernel has no Landlock" in refusal(root, source)
    assert not ran.exists()
    monkeypatch.setenv(UNCONFINED, "1")
    with results(root) as found:
        assert not found.confined
    assert ran.exists()
